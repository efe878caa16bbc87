-- End attempts as succeeded (with a result) or cancelled (with a reason): live row out, history row in.
-- Locked in id order, like every statement that takes several rows. A fence that does not fit takes no row: lease lost.
-- Each row is looked up by its id (LATERAL): from a join, the planner may make one that compares each row with each id.
-- The sub-selects hide how many ids there are, or it might read the whole table instead of looking them up.
-- Who leases a task runs it (a CHECK says so): state is not asked.
-- What went through the fence is counted in the same transaction, under the worker's own id, so that
-- workers do not wait for each other; where one statement speaks for several (the API), in the order of their ids.
-- OFFSET 0 keeps the planner from working out every duration twice.
-- What waits for the tasks is told (released): the main query asks for it, or it would never run.
WITH ended AS MATERIALIZED (
    SELECT t.id, e.state, e.result,
           CASE WHEN e.error IS NOT NULL  -- not built for each of the many that succeed
                THEN e.error::jsonb || jsonb_build_object('attempt', t.attempt, 'at', pgq.rfc3339(clock_timestamp()))
                END AS error
    FROM   (SELECT * FROM unnest((SELECT %(ids)s::uuid[]), (SELECT %(workers)s::uuid[]), (SELECT %(epochs)s::bigint[]),
                                 (SELECT %(states)s::text[]), (SELECT %(results)s::text[]), (SELECT %(errors)s::text[]))
            AS given (id, worker, epoch, state, result, error) ORDER BY given.id) AS e
           CROSS JOIN LATERAL (
           SELECT r.id, r.attempt FROM pgq.tasks AS r
           WHERE  r.id = e.id AND r.leased_by = e.worker AND r.lease_epoch = e.epoch FOR UPDATE) AS t
), gone AS (
    DELETE FROM pgq.tasks AS t USING ended WHERE t.id = ended.id
    RETURNING t.*, ended.state AS end_state, ended.result, ended.error AS end_error
), counted AS (
    INSERT INTO pgq.task_stats AS s (
        minute, queue, kind, worker_id, succeeded, cancelled, wait, run, total, wait_seconds, run_seconds, total_seconds)
    SELECT date_trunc('minute', clock_timestamp()), a.queue, a.kind, a.leased_by,
           count(*) FILTER (WHERE a.end_state = 'succeeded'), count(*) FILTER (WHERE a.end_state = 'cancelled'),
           pgq.histogram(array_agg(a.wait)), pgq.histogram(array_agg(a.run)), pgq.histogram(array_agg(a.total)),
           sum(a.wait), sum(a.run), sum(a.total)
    FROM   (SELECT r.leased_by, r.queue, r.kind, r.end_state,
                   greatest(date_part('epoch', r.started_at - greatest(r.run_at, r.created_at)), 0) AS wait,
                   greatest(date_part('epoch', statement_timestamp() - r.started_at), 0) AS run,
                   greatest(date_part('epoch', statement_timestamp() - r.created_at), 0) AS total
            FROM   gone AS r OFFSET 0) AS a
    GROUP  BY a.leased_by, a.queue, a.kind
    ORDER  BY a.leased_by, a.queue, a.kind
    ON CONFLICT (minute, queue, kind, worker_id) DO UPDATE SET
        succeeded = s.succeeded + excluded.succeeded, cancelled = s.cancelled + excluded.cancelled,
        wait = pgq.add_histograms(s.wait, excluded.wait), run = pgq.add_histograms(s.run, excluded.run),
        total = pgq.add_histograms(s.total, excluded.total), wait_seconds = s.wait_seconds + excluded.wait_seconds,
        run_seconds = s.run_seconds + excluded.run_seconds, total_seconds = s.total_seconds + excluded.total_seconds
), released AS MATERIALIZED (
    SELECT pgq.release_children(array_agg(gone.id), array_agg(gone.end_state)) FROM gone
)
INSERT INTO pgq.task_history (
    state, result, error, finished_at, id, lease_epoch, created_at, run_at, expires_at, started_at, cancel_requested_at, timeout_seconds, leased_by,
    priority, attempt, max_attempts, queue, kind, idempotency_key, tags, headers, payload, progress,
    depends_on, on_parent_failure, workflow_id)
SELECT gone.end_state, gone.result::jsonb, coalesce(gone.end_error, CASE gone.end_state WHEN 'cancelled' THEN gone.error END),
       clock_timestamp(), gone.id, gone.lease_epoch, gone.created_at, gone.run_at, gone.expires_at, gone.started_at, gone.cancel_requested_at,
       gone.timeout_seconds, gone.leased_by, gone.priority, gone.attempt, gone.max_attempts, gone.queue, gone.kind,
       gone.idempotency_key, gone.tags, gone.headers, gone.payload, gone.progress,
       gone.depends_on, gone.on_parent_failure, gone.workflow_id
FROM   gone, released
RETURNING id
