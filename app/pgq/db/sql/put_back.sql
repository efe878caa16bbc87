-- Attempts that end without ending their task: a retry (with an error), a snooze or a hand-back (without; not counted).
-- A task whose cancellation was asked for meanwhile ends as cancelled instead. Looked up as in finish.sql.
WITH back AS MATERIALIZED (
    SELECT t.id, t.lease_epoch, t.attempt, t.created_at, t.run_at, t.started_at, t.leased_by, t.cancel_requested_at, t.queue, t.kind, b.delay,
           b.error::jsonb || jsonb_build_object('attempt', t.attempt, 'at', pgq.rfc3339(clock_timestamp())) AS last_error
    FROM   (SELECT * FROM unnest((SELECT %(ids)s::uuid[]), (SELECT %(workers)s::uuid[]), (SELECT %(epochs)s::bigint[]),
                                 (SELECT %(delays)s::float8[]), (SELECT %(errors)s::text[])) AS given (id, worker, epoch, delay, error) ORDER BY given.id) AS b
           CROSS JOIN LATERAL (
           SELECT r.id, r.lease_epoch, r.attempt, r.created_at, r.run_at, r.started_at, r.leased_by, r.cancel_requested_at,
                  r.queue, r.kind
           FROM   pgq.tasks AS r
           WHERE  r.id = b.id AND r.leased_by = b.worker AND r.lease_epoch = b.epoch FOR UPDATE) AS t
), kept AS (
    INSERT INTO pgq.attempts (task_id, lease_epoch, started_at, worker_id, attempt, error)
    SELECT back.id, back.lease_epoch, back.started_at, back.leased_by, back.attempt, back.last_error
    FROM   back WHERE back.last_error IS NOT NULL
), counted AS (
    -- Only what failed or was cancelled: a snooze and a hand-back are no attempts.
    INSERT INTO pgq.task_stats AS s (
        minute, queue, kind, worker_id, failed, cancelled, wait, run, total, wait_seconds, run_seconds, total_seconds)
    SELECT date_trunc('minute', clock_timestamp()), a.queue, a.kind, a.leased_by,
           count(*) FILTER (WHERE NOT a.is_cancelled), count(*) FILTER (WHERE a.is_cancelled),
           pgq.histogram(array_agg(a.wait)), pgq.histogram(array_agg(a.run)),
           pgq.histogram(array_agg(a.total) FILTER (WHERE a.is_cancelled)),
           sum(a.wait), sum(a.run), coalesce(sum(a.total) FILTER (WHERE a.is_cancelled), 0)
    FROM   (SELECT r.leased_by, r.queue, r.kind, r.cancel_requested_at IS NOT NULL AS is_cancelled,
                   greatest(date_part('epoch', r.started_at - greatest(r.run_at, r.created_at)), 0) AS wait,
                   greatest(date_part('epoch', statement_timestamp() - r.started_at), 0) AS run,
                   greatest(date_part('epoch', statement_timestamp() - r.created_at), 0) AS total
            FROM   back AS r
            WHERE  r.last_error IS NOT NULL OR r.cancel_requested_at IS NOT NULL OFFSET 0) AS a
    GROUP  BY a.leased_by, a.queue, a.kind
    ORDER  BY a.leased_by, a.queue, a.kind
    ON CONFLICT (minute, queue, kind, worker_id) DO UPDATE SET
        failed = s.failed + excluded.failed, cancelled = s.cancelled + excluded.cancelled,
        wait = pgq.add_histograms(s.wait, excluded.wait), run = pgq.add_histograms(s.run, excluded.run),
        total = pgq.add_histograms(s.total, excluded.total), wait_seconds = s.wait_seconds + excluded.wait_seconds,
        run_seconds = s.run_seconds + excluded.run_seconds, total_seconds = s.total_seconds + excluded.total_seconds
), gone AS (
    DELETE FROM pgq.tasks AS t USING back WHERE t.id = back.id AND back.cancel_requested_at IS NOT NULL
    RETURNING t.*, back.last_error
), cancelled AS (
    INSERT INTO pgq.task_history (
        state, error, finished_at, id, lease_epoch, created_at, run_at, expires_at, started_at, cancel_requested_at, timeout_seconds, leased_by,
    priority, attempt, max_attempts, queue, kind, idempotency_key, tags, headers, payload, progress,
    depends_on, on_parent_failure, workflow_id)
    SELECT 'cancelled', coalesce(gone.last_error, gone.error), clock_timestamp(), gone.id, gone.lease_epoch, gone.created_at, gone.run_at, gone.expires_at, gone.started_at, gone.cancel_requested_at,
       gone.timeout_seconds, gone.leased_by, gone.priority, gone.attempt, gone.max_attempts, gone.queue, gone.kind,
       gone.idempotency_key, gone.tags, gone.headers, gone.payload, gone.progress,
       gone.depends_on, gone.on_parent_failure, gone.workflow_id
    FROM   gone
), waits AS (
    UPDATE pgq.tasks AS t
    SET    state = 'pending', leased_by = NULL, lease_expires_at = NULL, deadline_at = NULL, progress = NULL,
           run_at = greatest(t.run_at, clock_timestamp()) + make_interval(secs => back.delay),
           attempt = CASE WHEN back.last_error IS NULL THEN t.attempt - 1 ELSE t.attempt END,
           error = coalesce(back.last_error, t.error)
    FROM   back WHERE t.id = back.id AND back.cancel_requested_at IS NULL
), released AS MATERIALIZED (
    SELECT pgq.release_children(array_agg(gone.id), array_agg('cancelled'::text)) FROM gone
)
SELECT back.id FROM back, released
