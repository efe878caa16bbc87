-- One task as everybody sees it, its columns in the order of TaskStatus.
-- JSON as text: it is decoded per value, so that what cannot be decoded is named.
SELECT id, kind, queue, state, payload::text, priority, attempt, max_attempts, created_at, run_at, expires_at, started_at,
       finished_at, timeout_seconds, idempotency_key, depends_on, on_parent_failure, tags, headers::text, workflow_id, worker_id,
       lease_expires_at, cancel_requested_at, lease_epoch, result::text, error::text, progress::text
FROM   pgq.task_status
WHERE  id = %(id)s
