-- Renew exactly the listed leases. A row that someone holds at the moment is skipped, not waited for: it is still ours.
-- Never past the deadline: then the reaper ends the attempt as timed out. held = false: the lease is lost.
-- As in finish.sql, the fence needs no state. Not durable where no standby is waited for: what a crash forgets runs out a
-- third of a lease earlier.
WITH durability AS MATERIALIZED (
    SELECT set_config('synchronous_commit', CASE WHEN current_setting('synchronous_standby_names') = '' THEN 'off'
                                            ELSE current_setting('synchronous_commit') END, true)
), asked AS MATERIALIZED (
    SELECT a.id, a.epoch FROM durability CROSS JOIN unnest(%(ids)s::uuid[], %(epochs)s::bigint[]) AS a (id, epoch)
), ours AS MATERIALIZED (
    SELECT t.id FROM pgq.tasks AS t JOIN asked AS a ON a.id = t.id
    WHERE  t.leased_by = %(worker)s AND t.lease_epoch = a.epoch AND t.deadline_at > clock_timestamp()
    ORDER  BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED
), extended AS (
    UPDATE pgq.tasks AS t
    SET    lease_expires_at = least(clock_timestamp() + make_interval(secs => %(lease)s), t.deadline_at + interval '5 s')
    FROM   ours WHERE t.id = ours.id
    RETURNING t.id
)
SELECT a.id, t.id IS NOT NULL AS held, extended.id IS NOT NULL AS extended,
       coalesce(t.cancel_requested_at IS NOT NULL, false) AS cancel_requested
FROM   asked AS a
       LEFT JOIN extended ON extended.id = a.id
       LEFT JOIN pgq.tasks AS t ON t.id = a.id AND t.leased_by = %(worker)s AND t.lease_epoch = a.epoch
