-- Move tasks to the dead letters, each with the error of its last attempt. As in finish.sql, the fence needs no state.
WITH failed AS MATERIALIZED (
    SELECT t.id, f.error::jsonb || jsonb_build_object('attempt', t.attempt, 'at', pgq.rfc3339(clock_timestamp())) AS last_error
    FROM   unnest(%(ids)s::uuid[], %(epochs)s::bigint[], %(errors)s::text[]) AS f (id, epoch, error)
           JOIN pgq.tasks AS t ON t.id = f.id
    WHERE  t.leased_by = %(worker)s AND t.lease_epoch = f.epoch
    ORDER  BY t.id FOR UPDATE OF t
), gone AS (
    DELETE FROM pgq.tasks AS t USING failed WHERE t.id = failed.id RETURNING t.*, failed.last_error
), kept AS (
    INSERT INTO pgq.attempts (task_id, lease_epoch, started_at, worker_id, attempt, error)
    SELECT gone.id, gone.lease_epoch, gone.started_at, gone.leased_by, gone.attempt, gone.last_error FROM gone
)
INSERT INTO pgq.dead_tasks (
    error, finished_at, id, lease_epoch, created_at, run_at, expires_at, started_at, cancel_requested_at, timeout_seconds, leased_by,
    priority, attempt, max_attempts, queue, kind, idempotency_key, tags, headers, payload, progress)
SELECT gone.last_error, clock_timestamp(), gone.id, gone.lease_epoch, gone.created_at, gone.run_at, gone.expires_at, gone.started_at, gone.cancel_requested_at,
       gone.timeout_seconds, gone.leased_by, gone.priority, gone.attempt, gone.max_attempts, gone.queue, gone.kind,
       gone.idempotency_key, gone.tags, gone.headers, gone.payload, gone.progress
FROM   gone
RETURNING id
