-- End attempts as succeeded (with a result) or cancelled (with a reason): live row out, history row in.
-- Locked in id order, like every statement that takes several rows. A fence that does not fit takes no row: lease lost.
-- Who leases a task runs it (a CHECK says so): state is not asked, or the planner might walk the index of running rows
-- and all its dead entries instead of looking the ids up.
WITH ended AS MATERIALIZED (
    SELECT t.id, e.state, e.result,
           CASE WHEN e.error IS NOT NULL  -- not built for each of the many that succeed
                THEN e.error::jsonb || jsonb_build_object('attempt', t.attempt, 'at', pgq.rfc3339(clock_timestamp()))
                END AS error
    FROM   unnest(%(ids)s::uuid[], %(epochs)s::bigint[], %(states)s::text[], %(results)s::text[], %(errors)s::text[])
           AS e (id, epoch, state, result, error)
           JOIN pgq.tasks AS t ON t.id = e.id
    WHERE  t.leased_by = %(worker)s AND t.lease_epoch = e.epoch
    ORDER  BY t.id FOR UPDATE OF t
), gone AS (
    DELETE FROM pgq.tasks AS t USING ended WHERE t.id = ended.id
    RETURNING t.*, ended.state AS end_state, ended.result, ended.error AS end_error
)
INSERT INTO pgq.task_history (
    state, result, error, finished_at, id, lease_epoch, created_at, run_at, expires_at, started_at, cancel_requested_at, timeout_seconds, leased_by,
    priority, attempt, max_attempts, queue, kind, idempotency_key, tags, headers, payload, progress)
SELECT gone.end_state, gone.result::jsonb, coalesce(gone.end_error, CASE gone.end_state WHEN 'cancelled' THEN gone.error END),
       clock_timestamp(), gone.id, gone.lease_epoch, gone.created_at, gone.run_at, gone.expires_at, gone.started_at, gone.cancel_requested_at,
       gone.timeout_seconds, gone.leased_by, gone.priority, gone.attempt, gone.max_attempts, gone.queue, gone.kind,
       gone.idempotency_key, gone.tags, gone.headers, gone.payload, gone.progress
FROM   gone
RETURNING id
