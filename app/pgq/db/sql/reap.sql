-- End the attempts whose lease ran out: their worker is dead, frozen or cut off. The lock re-checks state and expiry, so
-- a worker that renewed or finished in between keeps its task. Runs only under the turn that pgq.take_turn() gave.
WITH expired AS MATERIALIZED (
    SELECT t.id, t.lease_epoch, t.started_at, t.leased_by, t.attempt, t.attempt >= t.max_attempts AS exhausted,
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
    AND    (%(only)s::uuid IS NULL OR t.id = %(only)s::uuid)
    ORDER  BY t.id LIMIT 1000
    FOR    UPDATE OF t SKIP LOCKED
), kept AS (
    INSERT INTO pgq.attempts (task_id, lease_epoch, started_at, worker_id, attempt, error)
    SELECT expired.id, expired.lease_epoch, expired.started_at, expired.leased_by, expired.attempt, expired.last_error FROM expired
), gone AS (
    DELETE FROM pgq.tasks AS t USING expired
    WHERE  t.id = expired.id AND (expired.exhausted OR expired.to_be_cancelled)
    RETURNING t.*, expired.last_error
), cancelled AS (
    INSERT INTO pgq.task_history (
        state, error, finished_at, id, lease_epoch, created_at, run_at, expires_at, started_at, cancel_requested_at, timeout_seconds, leased_by,
    priority, attempt, max_attempts, queue, kind, idempotency_key, tags, headers, payload, progress)
    SELECT 'cancelled', gone.last_error, clock_timestamp(), gone.id, gone.lease_epoch, gone.created_at, gone.run_at, gone.expires_at, gone.started_at, gone.cancel_requested_at,
       gone.timeout_seconds, gone.leased_by, gone.priority, gone.attempt, gone.max_attempts, gone.queue, gone.kind,
       gone.idempotency_key, gone.tags, gone.headers, gone.payload, gone.progress
    FROM   gone WHERE gone.cancel_requested_at IS NOT NULL
), buried AS (
    INSERT INTO pgq.dead_tasks (
        error, finished_at, id, lease_epoch, created_at, run_at, expires_at, started_at, cancel_requested_at, timeout_seconds, leased_by,
    priority, attempt, max_attempts, queue, kind, idempotency_key, tags, headers, payload, progress)
    SELECT gone.last_error, clock_timestamp(), gone.id, gone.lease_epoch, gone.created_at, gone.run_at, gone.expires_at, gone.started_at, gone.cancel_requested_at,
       gone.timeout_seconds, gone.leased_by, gone.priority, gone.attempt, gone.max_attempts, gone.queue, gone.kind,
       gone.idempotency_key, gone.tags, gone.headers, gone.payload, gone.progress
    FROM   gone WHERE gone.cancel_requested_at IS NULL
), retried AS (
    UPDATE pgq.tasks AS t
    SET    state = 'pending', leased_by = NULL, lease_expires_at = NULL, deadline_at = NULL, progress = NULL, error = expired.last_error,
           -- The default backoff: whose handler it was, and what it would say, only its worker knew.
           run_at = clock_timestamp() + make_interval(secs => least(2 ^ t.attempt, 3600) * (0.8 + 0.4 * random()))
    FROM   expired WHERE t.id = expired.id AND NOT expired.exhausted AND NOT expired.to_be_cancelled
)
SELECT count(*) AS changed, coalesce(array_agg(expired.id), '{}') AS ids, pgq.end_turn('reaper', count(*)) FROM expired
