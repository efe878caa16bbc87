-- What is known of the tasks of a workflow, in the columns of WorkflowTask behind its name. Their names are read by themselves
-- (names.sql): joined here, the planner now and then compared each with each, and took half a minute for 5,000.
SELECT t.id, t.kind, t.queue,
       CASE WHEN t.state = 'pending' AND t.run_at > clock_timestamp()
            THEN CASE WHEN t.attempt > 0 THEN 'retrying' ELSE 'scheduled' END ELSE t.state END AS state,
       t.attempt, t.max_attempts, t.created_at, t.run_at, t.started_at, NULL::timestamptz AS finished_at,
       coalesce(t.depends_on, '{}') AS depends_on, t.on_parent_failure, t.error ->> 'type' AS error
FROM   pgq.tasks AS t WHERE t.workflow_id = %(id)s
UNION ALL
SELECT d.id, d.kind, d.queue, 'dead', d.attempt, d.max_attempts, d.created_at, d.run_at, d.started_at, d.finished_at,
       coalesce(d.depends_on, '{}'), d.on_parent_failure, d.error ->> 'type'
FROM   pgq.dead_tasks AS d WHERE d.workflow_id = %(id)s
UNION ALL
SELECT h.id, h.kind, h.queue, h.state, h.attempt, h.max_attempts, h.created_at, h.run_at, h.started_at, h.finished_at,
       coalesce(h.depends_on, '{}'), h.on_parent_failure, h.error ->> 'type'
FROM   pgq.task_history AS h WHERE h.workflow_id = %(id)s
