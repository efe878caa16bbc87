-- Several tasks as everybody sees them, each with the columns of task_status.sql.
SELECT id, kind, queue, state, payload::text, priority, attempt, max_attempts, created_at, run_at, expires_at, started_at,
       finished_at, timeout_seconds, idempotency_key, depends_on, on_parent_failure, tags, headers::text, workflow_id, worker_id,
       lease_expires_at, cancel_requested_at, lease_epoch, result::text, error::text, progress::text
FROM   pgq.task_status
WHERE  id = ANY (%(ids)s::uuid[])
