-- Move the closed minutes out of task_stats: all workers together into task_minutes, and into the totals. One statement, so
-- that totals and task_stats together are exact at any moment. Nothing depends on a minute being over for good: an outcome
-- that is committed late makes its row anew, and the next turn moves it too. A row that is being written waits for the
-- next turn as well. Runs only under the turn that pgq.take_turn() gave.
WITH closed AS MATERIALIZED (
    SELECT s.minute, s.queue, s.kind, s.worker_id FROM pgq.task_stats AS s
    WHERE  current_setting('pgq.turn', true) = 'accountant' AND s.minute < date_trunc('minute', clock_timestamp())
    FOR    UPDATE OF s SKIP LOCKED
), moved AS (
    DELETE FROM pgq.task_stats AS s USING closed
    WHERE  s.minute = closed.minute AND s.queue = closed.queue AND s.kind = closed.kind AND s.worker_id = closed.worker_id
    RETURNING s.*
), summed AS MATERIALIZED (
    SELECT moved.minute, moved.queue, moved.kind, sum(moved.succeeded)::bigint AS succeeded, sum(moved.failed)::bigint AS failed, sum(moved.dead)::bigint AS dead,
           sum(moved.cancelled)::bigint AS cancelled, sum(moved.expired)::bigint AS expired,
           sum(moved.wait_seconds) AS wait_seconds, sum(moved.run_seconds) AS run_seconds, sum(moved.total_seconds) AS total_seconds,
           pgq.sum_histograms(moved.wait) AS wait, pgq.sum_histograms(moved.run) AS run, pgq.sum_histograms(moved.total) AS total
    FROM   moved GROUP BY moved.minute, moved.queue, moved.kind
), kept AS (
    INSERT INTO pgq.task_minutes AS m (
        minute, queue, kind, succeeded, failed, dead, cancelled, expired, wait_seconds, run_seconds, total_seconds, wait, run, total)
    SELECT summed.minute, summed.queue, summed.kind, summed.succeeded, summed.failed, summed.dead, summed.cancelled, summed.expired,
           summed.wait_seconds, summed.run_seconds, summed.total_seconds, summed.wait, summed.run, summed.total
    FROM   summed
    ON CONFLICT (minute, queue, kind) DO UPDATE SET
        succeeded = m.succeeded + excluded.succeeded, failed = m.failed + excluded.failed, dead = m.dead + excluded.dead,
        cancelled = m.cancelled + excluded.cancelled, expired = m.expired + excluded.expired,
        wait_seconds = m.wait_seconds + excluded.wait_seconds, run_seconds = m.run_seconds + excluded.run_seconds,
        total_seconds = m.total_seconds + excluded.total_seconds,
        wait = pgq.add_histograms(m.wait, excluded.wait), run = pgq.add_histograms(m.run, excluded.run),
        total = pgq.add_histograms(m.total, excluded.total)
), added AS (
    INSERT INTO pgq.task_totals AS t (queue, kind, succeeded, failed, dead, cancelled, expired, wait_seconds, run_seconds, total_seconds, wait, run, total)
    SELECT summed.queue, summed.kind, sum(summed.succeeded)::bigint AS succeeded, sum(summed.failed)::bigint AS failed, sum(summed.dead)::bigint AS dead,
           sum(summed.cancelled)::bigint AS cancelled, sum(summed.expired)::bigint AS expired,
           sum(summed.wait_seconds) AS wait_seconds, sum(summed.run_seconds) AS run_seconds, sum(summed.total_seconds) AS total_seconds,
           pgq.sum_histograms(summed.wait) AS wait, pgq.sum_histograms(summed.run) AS run, pgq.sum_histograms(summed.total) AS total
    FROM   summed GROUP BY summed.queue, summed.kind
    ON CONFLICT (queue, kind) DO UPDATE SET
        succeeded = t.succeeded + excluded.succeeded, failed = t.failed + excluded.failed, dead = t.dead + excluded.dead,
        cancelled = t.cancelled + excluded.cancelled, expired = t.expired + excluded.expired,
        wait_seconds = t.wait_seconds + excluded.wait_seconds, run_seconds = t.run_seconds + excluded.run_seconds,
        total_seconds = t.total_seconds + excluded.total_seconds,
        wait = pgq.add_histograms(t.wait, excluded.wait), run = pgq.add_histograms(t.run, excluded.run),
        total = pgq.add_histograms(t.total, excluded.total)
)
SELECT count(*) AS changed, '{}'::uuid[] AS ids, pgq.end_turn('accountant', count(*)) FROM moved
