-- The tasks of a workflow in the order in which they were submitted, in the columns of WorkflowTask. What is forgotten has its
-- name only.
SELECT m.name, m.task_id AS id, t.kind, t.queue, t.state, t.attempt, t.max_attempts, t.created_at, t.run_at, t.started_at,
       t.finished_at, coalesce(t.depends_on, '{}') AS depends_on, t.on_parent_failure, t.error
FROM   pgq.workflow_tasks AS m
       LEFT JOIN (
       SELECT l.id, l.kind, l.queue,
              CASE WHEN l.state = 'pending' AND l.run_at > clock_timestamp()
                   THEN CASE WHEN l.attempt > 0 THEN 'retrying' ELSE 'scheduled' END ELSE l.state END AS state,
              l.attempt, l.max_attempts, l.created_at, l.run_at, l.started_at, NULL::timestamptz AS finished_at, l.depends_on,
              l.on_parent_failure, l.error ->> 'type' AS error
       FROM   pgq.tasks AS l WHERE l.workflow_id = %(id)s
       UNION ALL
       SELECT d.id, d.kind, d.queue, 'dead', d.attempt, d.max_attempts, d.created_at, d.run_at, d.started_at, d.finished_at,
              d.depends_on, d.on_parent_failure, d.error ->> 'type'
       FROM   pgq.dead_tasks AS d WHERE d.workflow_id = %(id)s
       UNION ALL
       SELECT h.id, h.kind, h.queue, h.state, h.attempt, h.max_attempts, h.created_at, h.run_at, h.started_at, h.finished_at,
              h.depends_on, h.on_parent_failure, h.error ->> 'type'
       FROM   pgq.task_history AS h WHERE h.workflow_id = %(id)s) AS t ON t.id = m.task_id
WHERE  m.workflow_id = %(id)s
ORDER  BY m.position
