-- Keep the newest progress of running attempts, many at once. A row that someone holds at the moment is skipped, not waited
-- for: the caller tries again. held = false: the lease is lost. As in finish.sql, the fence needs no state.
-- Its loss in a crash would do no harm, and the commit of the outcome makes it durable, too.
WITH said AS MATERIALIZED (
    SELECT * FROM unnest(%(ids)s::uuid[], %(epochs)s::bigint[], %(progress)s::text[]) AS s (id, epoch, progress)
), ours AS MATERIALIZED (
    SELECT t.id, s.progress
    FROM   (SELECT set_config('synchronous_commit', 'off', true) OFFSET 0) AS durability
           CROSS JOIN said AS s JOIN pgq.tasks AS t ON t.id = s.id
    WHERE  t.leased_by = %(worker)s AND t.lease_epoch = s.epoch
    ORDER  BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED
), kept AS (
    UPDATE pgq.tasks AS t
    SET    progress = ours.progress::jsonb || jsonb_build_object('at', pgq.rfc3339(clock_timestamp()))
    FROM   ours WHERE t.id = ours.id
    RETURNING t.id
)
SELECT s.id, t.id IS NOT NULL AS held, kept.id IS NOT NULL AS kept
FROM   said AS s
       LEFT JOIN kept ON kept.id = s.id
       LEFT JOIN pgq.tasks AS t ON t.id = s.id AND t.leased_by = %(worker)s AND t.lease_epoch = s.epoch
