-- The columns that a bulk submit of the same tasks fills.
COPY bare_tasks (kind, payload, queue, priority, max_attempts, timeout_seconds) FROM STDIN
