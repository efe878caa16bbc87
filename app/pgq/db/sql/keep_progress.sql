-- Keep the newest progress of running attempts, many at once. A row that someone holds at the moment is skipped, not waited
-- for: the caller tries again. held = false: the lease is lost. Looked up as in finish.sql.
-- Its loss in a crash would do no harm, and the commit of the outcome makes it durable, too.
WITH durability AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
), said AS MATERIALIZED (
    SELECT given.id, given.epoch, given.progress
    FROM   durability CROSS JOIN unnest((SELECT %(ids)s::uuid[]), (SELECT %(epochs)s::bigint[]), (SELECT %(progress)s::text[]))
           AS given (id, epoch, progress)
    ORDER  BY given.id
), ours AS MATERIALIZED (
    SELECT t.id, said.progress
    FROM   said CROSS JOIN LATERAL (
           SELECT r.id FROM pgq.tasks AS r
           WHERE  r.id = said.id AND r.leased_by = %(worker)s AND r.lease_epoch = said.epoch
           FOR    NO KEY UPDATE SKIP LOCKED) AS t
), kept AS (
    UPDATE pgq.tasks AS t
    SET    progress = ours.progress::jsonb || jsonb_build_object('at', pgq.rfc3339(clock_timestamp()))
    FROM   ours WHERE t.id = ours.id
    RETURNING t.id
)
SELECT said.id, held.id IS NOT NULL AS held, said.id IN (SELECT k.id FROM kept AS k) AS kept
FROM   said LEFT JOIN LATERAL (
       SELECT t.id FROM pgq.tasks AS t
       WHERE  t.id = said.id AND t.leased_by = %(worker)s AND t.lease_epoch = said.epoch OFFSET 0) AS held ON true
