-- Fire the ticks that were computed, one task each, and move the schedules on; only where a schedule is still as it was
-- read. A tick that is recorded already makes no task. One that somebody holds is passed by: the next turn has it.
-- Runs only under the turn that pgq.take_turn() gave.
WITH plan AS MATERIALIZED (
    SELECT p.*
    FROM   jsonb_to_recordset(%(plan)s::jsonb) AS p (name text, cron text, timezone text, expected timestamptz, next timestamptz,
                                                    due timestamptz, error text, ticks jsonb)
    WHERE  current_setting('pgq.turn', true) = 'scheduler'
), held AS MATERIALIZED (
    SELECT s.name, s.kind, s.payload, s.queue, s.priority, s.overlap, s.last_task_id, p.next, p.due, p.error, p.ticks
    FROM   pgq.schedules AS s JOIN plan AS p ON p.name = s.name
    WHERE  s.next_tick_at IS NOT DISTINCT FROM p.expected AND s.cron = p.cron AND s.timezone = p.timezone AND s.paused_at IS NULL
    ORDER  BY s.name
    FOR    NO KEY UPDATE OF s SKIP LOCKED
), ticks AS MATERIALIZED (
    SELECT h.name, t.tick_at,
           CASE WHEN h.overlap = 'allow' OR t.nth = 1 AND NOT EXISTS (SELECT FROM pgq.tasks AS l WHERE l.id = h.last_task_id)
                THEN t.task_id END AS task_id
    FROM   held AS h, ROWS FROM (jsonb_to_recordset(h.ticks) AS (tick_at timestamptz, task_id uuid))
                      WITH ORDINALITY AS t (tick_at, task_id, nth)
), recorded AS (
    INSERT INTO pgq.schedule_ticks AS r (schedule, tick_at, task_id)
    SELECT t.name, t.tick_at, t.task_id FROM ticks AS t ORDER BY t.name, t.tick_at
    ON CONFLICT (schedule, tick_at) DO NOTHING
    RETURNING r.schedule, r.tick_at, r.task_id
), fired AS (
    INSERT INTO pgq.tasks (id, kind, payload, queue, priority, run_at, headers)
    SELECT r.task_id, h.kind, h.payload, h.queue, h.priority, r.tick_at,
           jsonb_build_object('schedule', h.name, 'scheduled_for', pgq.rfc3339(r.tick_at))
    FROM   recorded AS r JOIN held AS h ON h.name = r.schedule
    WHERE  r.task_id IS NOT NULL
    ORDER  BY r.tick_at, r.schedule
    RETURNING id
), newest AS (
    SELECT r.schedule, max(r.tick_at) AS tick_at, (array_agg(r.task_id ORDER BY r.tick_at DESC) FILTER (WHERE r.task_id IS NOT NULL))[1] AS task_id
    FROM   recorded AS r GROUP BY r.schedule
), moved AS (
    UPDATE pgq.schedules AS s
    SET    next_tick_at = h.next, due_at = h.due, last_tick_at = coalesce(n.tick_at, s.last_tick_at),
           last_task_id = coalesce(n.task_id, s.last_task_id),
           error = h.error, error_at = CASE WHEN h.error IS NOT NULL THEN clock_timestamp() END
    FROM   held AS h LEFT JOIN newest AS n ON n.schedule = h.name
    WHERE  s.name = h.name
)
SELECT count(*) AS changed, coalesce(array_agg(f.id), '{}') AS ids, pgq.end_turn('scheduler', count(*)) FROM fired AS f
