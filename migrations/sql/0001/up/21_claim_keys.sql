-- Whose are these keys? A free key becomes the asking task's; a known one answers with the task that has it.
-- Sorted, so that two bulk submits in opposite orders wait for each other instead of deadlocking; by key first and in the
-- order of code points, as clients sort whose bulk needs several statements.
-- SECURITY DEFINER: submitters have no other access to the keys.
CREATE FUNCTION pgq.claim_keys(queues text[], keys text[], windows interval[], ids uuid[], fingerprints bytea[])
RETURNS TABLE (nth integer, task_id uuid, created boolean, same_request boolean)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH asked AS MATERIALIZED (
        SELECT ask.n::integer AS n, ask.queue, ask.key, ask.window_length, ask.id, ask.fingerprint
        FROM   unnest(queues, keys, windows, ids, fingerprints)
               WITH ORDINALITY AS ask (queue, key, window_length, id, fingerprint, n)
    ), first_of_its_key AS (
        SELECT DISTINCT ON (asked.key COLLATE "C", asked.queue COLLATE "C") asked.* FROM asked
        ORDER  BY asked.key COLLATE "C", asked.queue COLLATE "C", asked.n
    ), held AS (
        INSERT INTO pgq.idempotency_keys AS known (queue, key, task_id, fingerprint, expires_at)
        SELECT f.queue, f.key, f.id, f.fingerprint, clock_timestamp() + f.window_length
        FROM   first_of_its_key AS f
        ORDER  BY f.key COLLATE "C", f.queue COLLATE "C"
        ON CONFLICT (queue, key) DO UPDATE SET (task_id, fingerprint, expires_at, hits) = (
            SELECT CASE WHEN over THEN excluded.task_id ELSE known.task_id END,
                   CASE WHEN over THEN excluded.fingerprint ELSE known.fingerprint END,
                   CASE WHEN over THEN excluded.expires_at ELSE known.expires_at END,
                   CASE WHEN over THEN 0 ELSE known.hits + 1 END
            -- The window never ends while the task lives.
            FROM   (SELECT known.expires_at <= clock_timestamp() AND NOT pgq.is_live(known.task_id)) AS window_of (over))
        RETURNING known.queue, known.key, known.task_id, known.fingerprint, known.hits = 0 AS fresh
    )
    -- Not by the id: a caller may repeat a request under the id that it chose the first time.
    SELECT asked.n, held.task_id, held.fresh AND f.n IS NOT NULL, held.fingerprint = asked.fingerprint
    FROM   asked JOIN held ON held.queue = asked.queue AND held.key = asked.key
           LEFT JOIN first_of_its_key AS f ON f.n = asked.n
$$;
