-- End the attempts whose lease ran out: their worker is dead, frozen or cut off. The lock re-checks state and expiry, so
-- a worker that renewed or finished in between keeps its task. After an outage all are held back for as long as the lease
-- of a remote worker, whose tasks then go on; other workers' leases are longer, and have so much longer to be renewed.
-- Runs only under the turn that pgq.take_turn() gave.
WITH expired AS MATERIALIZED (
    SELECT t.id, t.lease_epoch, t.created_at, t.run_at, t.started_at, t.leased_by, t.queue, t.kind, t.attempt,
           t.attempt >= t.max_attempts AS exhausted,
           t.cancel_requested_at IS NOT NULL AS to_be_cancelled,
           jsonb_build_object(
               'type', CASE WHEN t.deadline_at <= clock_timestamp() THEN 'TimedOut' ELSE 'LeaseExpired' END,
               'message', CASE WHEN t.deadline_at <= clock_timestamp()
                               THEN format('the attempt ran longer than its timeout of %%s s', t.timeout_seconds)
                               ELSE 'the worker did not renew its lease; it died, froze or lost its connection' END,
               'traceback', '', 'attempt', t.attempt, 'at', pgq.rfc3339(clock_timestamp()), 'reaped', true) AS last_error
    FROM   pgq.tasks AS t
    WHERE  current_setting('pgq.turn', true) = 'reaper'
    AND    t.state = 'running' AND t.lease_expires_at < clock_timestamp()
    AND    (coalesce((SELECT m.held_until FROM pgq.maintenance AS m WHERE m.duty = 'reaper')
                     < clock_timestamp() - make_interval(secs => %(longer)s), true)
            OR EXISTS (SELECT FROM pgq.workers AS w WHERE w.id = t.leased_by AND w.remote))
    AND    (%(only)s::uuid IS NULL OR t.id = %(only)s::uuid)
    ORDER  BY t.id LIMIT 1000
    FOR    UPDATE OF t SKIP LOCKED
), kept AS (
    INSERT INTO pgq.attempts (task_id, lease_epoch, started_at, worker_id, attempt, error)
    SELECT expired.id, expired.lease_epoch, expired.started_at, expired.leased_by, expired.attempt, expired.last_error FROM expired
), counted AS (
    -- Under the nil UUID: the worker may be alive and writing its own rows. Sorted, as other duties write there too.
    INSERT INTO pgq.task_stats AS s (
        minute, queue, kind, worker_id, failed, dead, cancelled, wait, run, total, wait_seconds, run_seconds, total_seconds)
    SELECT date_trunc('minute', clock_timestamp()), a.queue, a.kind, '00000000-0000-0000-0000-000000000000',
           count(*) FILTER (WHERE NOT a.exhausted AND NOT a.to_be_cancelled),
           count(*) FILTER (WHERE a.exhausted AND NOT a.to_be_cancelled), count(*) FILTER (WHERE a.to_be_cancelled),
           pgq.histogram(array_agg(a.wait)), pgq.histogram(array_agg(a.run)),
           pgq.histogram(array_agg(a.total) FILTER (WHERE a.exhausted OR a.to_be_cancelled)),
           sum(a.wait), sum(a.run), coalesce(sum(a.total) FILTER (WHERE a.exhausted OR a.to_be_cancelled), 0)
    FROM   (SELECT r.queue, r.kind, r.exhausted, r.to_be_cancelled,
                   greatest(date_part('epoch', r.started_at - greatest(r.run_at, r.created_at)), 0) AS wait,
                   greatest(date_part('epoch', statement_timestamp() - r.started_at), 0) AS run,
                   greatest(date_part('epoch', statement_timestamp() - r.created_at), 0) AS total
            FROM   expired AS r OFFSET 0) AS a
    GROUP  BY a.queue, a.kind
    ORDER  BY a.queue, a.kind
    ON CONFLICT (minute, queue, kind, worker_id) DO UPDATE SET
        failed = s.failed + excluded.failed, dead = s.dead + excluded.dead, cancelled = s.cancelled + excluded.cancelled,
        wait = pgq.add_histograms(s.wait, excluded.wait), run = pgq.add_histograms(s.run, excluded.run),
        total = pgq.add_histograms(s.total, excluded.total), wait_seconds = s.wait_seconds + excluded.wait_seconds,
        run_seconds = s.run_seconds + excluded.run_seconds, total_seconds = s.total_seconds + excluded.total_seconds
), gone AS (
    DELETE FROM pgq.tasks AS t USING expired
    WHERE  t.id = expired.id AND (expired.exhausted OR expired.to_be_cancelled)
    RETURNING t.*, expired.to_be_cancelled, expired.last_error
), cancelled AS (
    INSERT INTO pgq.task_history (
        state, error, finished_at, id, lease_epoch, created_at, run_at, expires_at, started_at, cancel_requested_at, timeout_seconds, leased_by,
    priority, attempt, max_attempts, queue, kind, idempotency_key, tags, headers, payload, progress,
    depends_on, on_parent_failure, workflow_id)
    SELECT 'cancelled', gone.last_error, clock_timestamp(), gone.id, gone.lease_epoch, gone.created_at, gone.run_at, gone.expires_at, gone.started_at, gone.cancel_requested_at,
       gone.timeout_seconds, gone.leased_by, gone.priority, gone.attempt, gone.max_attempts, gone.queue, gone.kind,
       gone.idempotency_key, gone.tags, gone.headers, gone.payload, gone.progress,
       gone.depends_on, gone.on_parent_failure, gone.workflow_id
    FROM   gone WHERE gone.cancel_requested_at IS NOT NULL
), buried AS (
    INSERT INTO pgq.dead_tasks (
        error, finished_at, id, lease_epoch, created_at, run_at, expires_at, started_at, cancel_requested_at, timeout_seconds, leased_by,
    priority, attempt, max_attempts, queue, kind, idempotency_key, tags, headers, payload, progress,
    depends_on, on_parent_failure, workflow_id)
    SELECT gone.last_error, clock_timestamp(), gone.id, gone.lease_epoch, gone.created_at, gone.run_at, gone.expires_at, gone.started_at, gone.cancel_requested_at,
       gone.timeout_seconds, gone.leased_by, gone.priority, gone.attempt, gone.max_attempts, gone.queue, gone.kind,
       gone.idempotency_key, gone.tags, gone.headers, gone.payload, gone.progress,
       gone.depends_on, gone.on_parent_failure, gone.workflow_id
    FROM   gone WHERE gone.cancel_requested_at IS NULL
), retried AS (
    UPDATE pgq.tasks AS t
    SET    state = 'pending', leased_by = NULL, lease_expires_at = NULL, deadline_at = NULL, progress = NULL, error = expired.last_error,
           -- The default backoff: whose handler it was, and what it would say, only its worker knew.
           run_at = clock_timestamp() + make_interval(secs => least(2 ^ t.attempt, 3600) * (0.8 + 0.4 * random()))
    FROM   expired WHERE t.id = expired.id AND NOT expired.exhausted AND NOT expired.to_be_cancelled
), released AS MATERIALIZED (
    SELECT pgq.release_children(array_agg(gone.id), array_agg(CASE WHEN gone.to_be_cancelled THEN 'cancelled' ELSE 'dead' END)) FROM gone
)
SELECT count(*) AS changed, coalesce(array_agg(expired.id), '{}') AS ids, pgq.end_turn('reaper', count(*)) FROM expired, released
