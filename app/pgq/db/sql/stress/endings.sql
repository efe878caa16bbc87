-- How tasks ended, wherever their rows are: a task with two rows comes twice, one that has not ended has its live state.
SELECT e.id, e.state, e.attempt, e.run_at, e.result, e.error,
       (SELECT count(*) FROM pgq.attempts AS a WHERE a.task_id = e.id) AS failures
FROM   (SELECT h.id, h.state, h.attempt, h.run_at, h.result, h.error ->> 'type' AS error
        FROM pgq.task_history AS h WHERE h.id = ANY (%(ids)s::uuid[])
        UNION ALL
        SELECT d.id, 'dead', d.attempt, d.run_at, NULL, d.error ->> 'type' FROM pgq.dead_tasks AS d WHERE d.id = ANY (%(ids)s::uuid[])
        UNION ALL
        SELECT t.id, t.state, t.attempt, t.run_at, NULL, t.error ->> 'type' FROM pgq.tasks AS t WHERE t.id = ANY (%(ids)s::uuid[])
       ) AS e
