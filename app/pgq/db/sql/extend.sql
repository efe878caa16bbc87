-- Renew exactly the listed leases. A row that someone holds at the moment is skipped, not waited for: it is still ours.
-- Never past the deadline: then the reaper ends the attempt as timed out. held = false: the lease is lost.
-- Looked up as in finish.sql.
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest((SELECT %(ids)s::uuid[]), (SELECT %(epochs)s::bigint[])) AS given (id, epoch) ORDER BY given.id
), ours AS MATERIALIZED (
    SELECT t.id
    FROM   asked CROSS JOIN LATERAL (
           SELECT r.id FROM pgq.tasks AS r
           WHERE  r.id = asked.id AND r.leased_by = %(worker)s AND r.lease_epoch = asked.epoch
           AND    r.deadline_at > clock_timestamp()
           FOR    NO KEY UPDATE SKIP LOCKED) AS t
), extended AS (
    UPDATE pgq.tasks AS t
    SET    lease_expires_at = least(clock_timestamp() + make_interval(secs => %(lease)s), t.deadline_at + interval '5 s')
    FROM   ours WHERE t.id = ours.id
    RETURNING t.id
)
SELECT asked.id, held.id IS NOT NULL AS held, asked.id IN (SELECT e.id FROM extended AS e) AS extended,
       coalesce(held.cancel_requested_at IS NOT NULL, false) AS cancel_requested
FROM   asked LEFT JOIN LATERAL (
       SELECT t.id, t.cancel_requested_at FROM pgq.tasks AS t
       WHERE  t.id = asked.id AND t.leased_by = %(worker)s AND t.lease_epoch = asked.epoch OFFSET 0) AS held ON true
