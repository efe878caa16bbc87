-- Forget the history of a queue whose own retention is over: of one queue, one day that is closed, per turn. What is left
-- falls with its partition. Runs only under the turn that pgq.take_turn() gave.
WITH oldest AS MATERIALIZED (
    SELECT min(to_date(right(child.relname, 8), 'YYYYMMDD'))::timestamp AT TIME ZONE 'UTC' AS day
    FROM   pg_class AS child
    WHERE  child.relnamespace = 'pgq'::regnamespace AND child.relkind = 'r' AND child.relname ~ '^task_history_\d{8}$'
), due AS MATERIALIZED (
    SELECT q.name, kept.since, least(kept.until, greatest(kept.since, oldest.day) + interval '1 day') AS until
    FROM   oldest, pgq.queues AS q, LATERAL (
           SELECT coalesce(q.history_pruned_before, '-infinity') AS since,
                  date_trunc('day', clock_timestamp() - make_interval(secs => q.retention_seconds), 'UTC') AS until) AS kept
    WHERE  current_setting('pgq.turn', true) = 'forgetter' AND q.retention_seconds IS NOT NULL AND kept.since < kept.until
    ORDER  BY kept.since, q.name LIMIT 1
), gone AS (
    DELETE FROM pgq.task_history AS h
    WHERE  h.queue = (SELECT due.name FROM due)
    AND    h.finished_at >= (SELECT due.since FROM due) AND h.finished_at < (SELECT due.until FROM due)
    AND    NOT EXISTS (SELECT FROM pgq.task_dependencies AS e WHERE e.parent_id = h.id)  -- not told yet to who waits for it
    RETURNING h.id, h.attempt, h.error
), errors AS (
    DELETE FROM pgq.attempts AS a USING gone WHERE a.task_id = gone.id AND (gone.attempt > 1 OR gone.error IS NOT NULL)
), noted AS (
    UPDATE pgq.queues AS q SET history_pruned_before = due.until FROM due WHERE q.name = due.name
), counted AS (
    SELECT count(*) AS n FROM gone
)
SELECT counted.n AS changed, '{}'::uuid[] AS ids, pgq.end_turn('forgetter', counted.n) FROM counted
