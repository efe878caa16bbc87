-- The bulk door: what is NULL here is filled by the table's own trigger, as for any INSERT.
COPY pgq.tasks (id, kind, payload, queue, priority, run_at, expires_at, max_attempts, timeout_seconds, tags, headers)
FROM STDIN
