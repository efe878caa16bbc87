-- The attempts of one task that failed, first to last.
SELECT attempt, started_at, failed_at, worker_id, error FROM pgq.attempts WHERE task_id = %(id)s ORDER BY failed_at, lease_epoch
