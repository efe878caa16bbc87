-- Attempts that end without ending their task: a retry (with an error), a snooze or a hand-back (without; not counted).
-- A task whose cancellation was asked for meanwhile ends as cancelled instead. As in finish.sql, the fence needs no state.
WITH back AS MATERIALIZED (
    SELECT t.id, t.lease_epoch, t.attempt, t.started_at, t.leased_by, t.cancel_requested_at, b.delay,
           b.error::jsonb || jsonb_build_object('attempt', t.attempt, 'at', pgq.rfc3339(clock_timestamp())) AS last_error
    FROM   unnest(%(ids)s::uuid[], %(epochs)s::bigint[], %(delays)s::float8[], %(errors)s::text[]) AS b (id, epoch, delay, error)
           JOIN pgq.tasks AS t ON t.id = b.id
    WHERE  t.leased_by = %(worker)s AND t.lease_epoch = b.epoch
    ORDER  BY t.id FOR UPDATE OF t
), kept AS (
    INSERT INTO pgq.attempts (task_id, lease_epoch, started_at, worker_id, attempt, error)
    SELECT back.id, back.lease_epoch, back.started_at, back.leased_by, back.attempt, back.last_error
    FROM   back WHERE back.last_error IS NOT NULL
), gone AS (
    DELETE FROM pgq.tasks AS t USING back WHERE t.id = back.id AND back.cancel_requested_at IS NOT NULL
    RETURNING t.*, back.last_error
), cancelled AS (
    INSERT INTO pgq.task_history (
        state, error, finished_at, id, lease_epoch, created_at, run_at, expires_at, started_at, cancel_requested_at, timeout_seconds, leased_by,
    priority, attempt, max_attempts, queue, kind, idempotency_key, tags, headers, payload, progress)
    SELECT 'cancelled', coalesce(gone.last_error, gone.error), clock_timestamp(), gone.id, gone.lease_epoch, gone.created_at, gone.run_at, gone.expires_at, gone.started_at, gone.cancel_requested_at,
       gone.timeout_seconds, gone.leased_by, gone.priority, gone.attempt, gone.max_attempts, gone.queue, gone.kind,
       gone.idempotency_key, gone.tags, gone.headers, gone.payload, gone.progress
    FROM   gone
), waits AS (
    UPDATE pgq.tasks AS t
    SET    state = 'pending', leased_by = NULL, lease_expires_at = NULL, deadline_at = NULL, progress = NULL,
           run_at = greatest(t.run_at, clock_timestamp()) + make_interval(secs => back.delay),
           attempt = CASE WHEN back.last_error IS NULL THEN t.attempt - 1 ELSE t.attempt END,
           error = coalesce(back.last_error, t.error)
    FROM   back WHERE t.id = back.id AND back.cancel_requested_at IS NULL
)
SELECT back.id FROM back
