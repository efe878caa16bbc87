-- Of the ticks that were computed: those that no longer fit into their queues say so in their schedules' rows; answers which.
-- Fewest tasks first, so that one that would bring many keeps no other out. What makes no task needs no room: see fire.sql.
WITH plan AS MATERIALIZED (
    SELECT p.n, p.name, p.ticks
    FROM   ROWS FROM (jsonb_to_recordset(%(plan)s::jsonb) AS (name text, ticks jsonb)) WITH ORDINALITY AS p (name, ticks, n)
), wanted AS MATERIALIZED (
    SELECT p.n, s.name, coalesce(s.queue, k.queue, 'default') AS queue, fresh.tasks
    FROM   plan AS p JOIN pgq.schedules AS s ON s.name = p.name LEFT JOIN pgq.kinds AS k ON k.kind = s.kind, LATERAL (
           SELECT count(*) AS tasks
           FROM   ROWS FROM (jsonb_to_recordset(p.ticks) AS (tick_at timestamptz)) WITH ORDINALITY AS t (tick_at, nth)
           WHERE  (s.overlap = 'allow' OR t.nth = 1 AND NOT EXISTS (SELECT FROM pgq.tasks AS l WHERE l.id = s.last_task_id))
           AND    NOT EXISTS (SELECT FROM pgq.schedule_ticks AS r WHERE r.schedule = s.name AND r.tick_at = t.tick_at)) AS fresh
    WHERE  fresh.tasks > 0
), crowded AS MATERIALIZED (
    SELECT w.name, format('queue %%s is full: at most %%s tasks may wait in it', q.name, q.max_depth) AS why
    FROM   (SELECT w.name, w.queue, sum(w.tasks) OVER (PARTITION BY w.queue ORDER BY w.tasks, w.n) AS tasks FROM wanted AS w) AS w
           JOIN (SELECT q.name, q.max_depth, q.max_depth - pgq.waiting_tasks(q.name, q.max_depth) AS room
                 FROM   pgq.queues AS q
                 WHERE  q.max_depth IS NOT NULL AND q.name IN (SELECT w.queue FROM wanted AS w) OFFSET 0) AS q ON q.name = w.queue
    WHERE  w.tasks > q.room
), told AS (
    UPDATE pgq.schedules AS s SET error = c.why, error_at = clock_timestamp()
    FROM   crowded AS c
    WHERE  s.name = c.name
    AND    s.name = ANY (ARRAY(SELECT h.name FROM pgq.schedules AS h WHERE h.name IN (SELECT c.name FROM crowded AS c)
                               ORDER BY h.name FOR NO KEY UPDATE SKIP LOCKED))
)
SELECT c.name, c.why FROM crowded AS c ORDER BY c.name
