-- Move tasks to the dead letters, each with the error of its last attempt. Looked up and counted as in finish.sql.
WITH failed AS MATERIALIZED (
    SELECT t.id, f.error::jsonb || jsonb_build_object('attempt', t.attempt, 'at', pgq.rfc3339(clock_timestamp())) AS last_error
    FROM   (SELECT * FROM unnest((SELECT %(ids)s::uuid[]), (SELECT %(workers)s::uuid[]), (SELECT %(epochs)s::bigint[]),
                                 (SELECT %(errors)s::text[])) AS given (id, worker, epoch, error) ORDER BY given.id) AS f
           CROSS JOIN LATERAL (
           SELECT r.id, r.attempt FROM pgq.tasks AS r
           WHERE  r.id = f.id AND r.leased_by = f.worker AND r.lease_epoch = f.epoch FOR UPDATE) AS t
), gone AS (
    DELETE FROM pgq.tasks AS t USING failed WHERE t.id = failed.id RETURNING t.*, failed.last_error
), counted AS (
    INSERT INTO pgq.task_stats AS s (
        minute, queue, kind, worker_id, dead, wait, run, total, wait_seconds, run_seconds, total_seconds)
    SELECT date_trunc('minute', clock_timestamp()), a.queue, a.kind, a.leased_by, count(*),
           pgq.histogram(array_agg(a.wait)), pgq.histogram(array_agg(a.run)), pgq.histogram(array_agg(a.total)),
           sum(a.wait), sum(a.run), sum(a.total)
    FROM   (SELECT r.leased_by, r.queue, r.kind,
                   greatest(date_part('epoch', r.started_at - greatest(r.run_at, r.created_at)), 0) AS wait,
                   greatest(date_part('epoch', statement_timestamp() - r.started_at), 0) AS run,
                   greatest(date_part('epoch', statement_timestamp() - r.created_at), 0) AS total
            FROM   gone AS r OFFSET 0) AS a
    GROUP  BY a.leased_by, a.queue, a.kind
    ORDER  BY a.leased_by, a.queue, a.kind
    ON CONFLICT (minute, queue, kind, worker_id) DO UPDATE SET
        dead = s.dead + excluded.dead,
        wait = pgq.add_histograms(s.wait, excluded.wait), run = pgq.add_histograms(s.run, excluded.run),
        total = pgq.add_histograms(s.total, excluded.total), wait_seconds = s.wait_seconds + excluded.wait_seconds,
        run_seconds = s.run_seconds + excluded.run_seconds, total_seconds = s.total_seconds + excluded.total_seconds
), kept AS (
    INSERT INTO pgq.attempts (task_id, lease_epoch, started_at, worker_id, attempt, error)
    SELECT gone.id, gone.lease_epoch, gone.started_at, gone.leased_by, gone.attempt, gone.last_error FROM gone
), released AS MATERIALIZED (
    SELECT pgq.release_children(array_agg(gone.id), array_agg('dead'::text)) FROM gone
)
INSERT INTO pgq.dead_tasks (
    error, finished_at, id, lease_epoch, created_at, run_at, expires_at, started_at, cancel_requested_at, timeout_seconds, leased_by,
    priority, attempt, max_attempts, queue, kind, idempotency_key, tags, headers, payload, progress,
    depends_on, on_parent_failure, workflow_id)
SELECT gone.last_error, clock_timestamp(), gone.id, gone.lease_epoch, gone.created_at, gone.run_at, gone.expires_at, gone.started_at, gone.cancel_requested_at,
       gone.timeout_seconds, gone.leased_by, gone.priority, gone.attempt, gone.max_attempts, gone.queue, gone.kind,
       gone.idempotency_key, gone.tags, gone.headers, gone.payload, gone.progress,
       gone.depends_on, gone.on_parent_failure, gone.workflow_id
FROM   gone, released
RETURNING id
