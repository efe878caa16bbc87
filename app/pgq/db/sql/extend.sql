-- Renew exactly the listed leases. A row that someone holds at the moment is skipped, not waited for: it is still ours.
-- Never past the deadline: then the reaper ends the attempt as timed out. held = false: the lease is lost. expires_at: when it
-- was to end before this, unless the deadline is past.
-- Looked up as in finish.sql. Not durable where no standby is waited for: what a crash forgets runs out a third of a lease
-- earlier.
WITH durability AS MATERIALIZED (
    SELECT set_config('synchronous_commit', CASE WHEN current_setting('synchronous_standby_names') = '' THEN 'off'
                                            ELSE current_setting('synchronous_commit') END, true)
), asked AS MATERIALIZED (
    SELECT given.id, given.epoch
    FROM   durability CROSS JOIN unnest((SELECT %(ids)s::uuid[]), (SELECT %(epochs)s::bigint[])) AS given (id, epoch)
    ORDER  BY given.id
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
       coalesce(held.cancel_requested_at IS NOT NULL, false) AS cancel_requested,
       CASE WHEN held.deadline_at > clock_timestamp() THEN held.lease_expires_at END AS expires_at
FROM   asked LEFT JOIN LATERAL (
       SELECT t.id, t.cancel_requested_at, t.deadline_at, t.lease_expires_at FROM pgq.tasks AS t
       WHERE  t.id = asked.id AND t.leased_by = %(worker)s AND t.lease_epoch = asked.epoch OFFSET 0) AS held ON true
