-- Forget idempotency keys whose window is over and whose task has ended, workers that have been silent, the statistics and
-- the ticks of times whose history is gone, and schedules of code that no worker has had for so long.
-- Runs only under the turn that pgq.take_turn() gave.
WITH over AS MATERIALIZED (
    SELECT k.queue, k.key FROM pgq.idempotency_keys AS k
    WHERE  current_setting('pgq.turn', true) = 'pruner' AND k.expires_at < statement_timestamp()
    AND    NOT EXISTS (SELECT FROM pgq.tasks AS t WHERE t.id = k.task_id)
    ORDER  BY k.queue, k.key LIMIT 10000
    FOR    UPDATE OF k SKIP LOCKED
), forgotten AS (
    DELETE FROM pgq.idempotency_keys AS k USING over WHERE k.queue = over.queue AND k.key = over.key
    RETURNING 1
), asleep AS (
    -- They are not woken any more; one that comes back says again that it waits.
    DELETE FROM pgq.waiting_workers AS s USING pgq.workers AS w
    WHERE  current_setting('pgq.turn', true) = 'pruner' AND w.id = s.worker_id AND w.beat_at < statement_timestamp() - interval '1 minute'
    AND    w.beat_at >= statement_timestamp() - interval '1 hour'
    RETURNING 1
), gone AS (
    DELETE FROM pgq.workers AS w
    WHERE  current_setting('pgq.turn', true) = 'pruner' AND w.beat_at < statement_timestamp() - interval '1 hour'
    RETURNING 1
), minutes AS (
    DELETE FROM pgq.task_minutes AS m
    WHERE  current_setting('pgq.turn', true) = 'pruner'
    AND    m.minute < statement_timestamp() - make_interval(secs => %(retention)s)
    RETURNING 1
), samples AS (
    DELETE FROM pgq.queue_samples AS s
    WHERE  current_setting('pgq.turn', true) = 'pruner'
    AND    s.sampled_at < statement_timestamp() - make_interval(secs => %(retention)s)
    RETURNING 1
), schedules AS (
    DELETE FROM pgq.schedules AS s
    WHERE  current_setting('pgq.turn', true) = 'pruner' AND s.source = 'code'
    AND    s.seen_at < statement_timestamp() - make_interval(secs => %(retention)s)
    RETURNING 1
), ticks AS (
    -- The newest of each schedule is kept, however old: it is never fired again, whatever the clock does.
    DELETE FROM pgq.schedule_ticks AS t
    WHERE  (t.schedule, t.tick_at) IN (
             SELECT o.schedule, o.tick_at FROM pgq.schedule_ticks AS o
             WHERE  current_setting('pgq.turn', true) = 'pruner'
             AND    o.tick_at < statement_timestamp() - make_interval(secs => %(retention)s)
             AND    NOT EXISTS (SELECT FROM pgq.schedules AS s WHERE s.name = o.schedule AND s.last_tick_at <= o.tick_at)
             ORDER  BY o.tick_at LIMIT 10000)
    RETURNING 1
), counted AS (
    SELECT (SELECT count(*) FROM forgotten) + (SELECT count(*) FROM asleep) + (SELECT count(*) FROM gone)
           + (SELECT count(*) FROM minutes) + (SELECT count(*) FROM samples)
           + (SELECT count(*) FROM schedules) + (SELECT count(*) FROM ticks) AS n
)
SELECT counted.n AS changed, '{}'::uuid[] AS ids, pgq.end_turn('pruner', counted.n) FROM counted
