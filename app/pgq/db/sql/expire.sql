-- End the tasks that were not started in time. Runs only under the turn that pgq.take_turn() gave.
WITH late AS MATERIALIZED (
    SELECT t.id FROM pgq.tasks AS t
    WHERE  current_setting('pgq.turn', true) = 'expirer'
    AND    t.expires_at <= statement_timestamp() AND t.expires_at IS NOT NULL AND t.state <> 'running'
    AND    (%(only)s::uuid IS NULL OR t.id = %(only)s::uuid)
    ORDER  BY t.id LIMIT 1000
    FOR    UPDATE OF t SKIP LOCKED
), gone AS (
    DELETE FROM pgq.tasks AS t USING late WHERE t.id = late.id RETURNING t.*
), counted AS (
    -- Without an attempt of its own: it neither waited for a start nor ran. Sorted, as other duties write there too.
    INSERT INTO pgq.task_stats AS s (minute, queue, kind, worker_id, expired, wait, run, total, total_seconds)
    SELECT date_trunc('minute', clock_timestamp()), a.queue, a.kind, '00000000-0000-0000-0000-000000000000', count(*),
           pgq.histogram('{}'), pgq.histogram('{}'), pgq.histogram(array_agg(a.total)), sum(a.total)
    FROM   (SELECT gone.queue, gone.kind, greatest(date_part('epoch', statement_timestamp() - gone.created_at), 0) AS total
            FROM   gone) AS a
    GROUP  BY a.queue, a.kind
    ORDER  BY a.queue, a.kind
    ON CONFLICT (minute, queue, kind, worker_id) DO UPDATE SET
        expired = s.expired + excluded.expired, total = pgq.add_histograms(s.total, excluded.total),
        total_seconds = s.total_seconds + excluded.total_seconds
), kept AS (
    INSERT INTO pgq.task_history (
        state, error, finished_at, id, lease_epoch, created_at, run_at, expires_at, started_at, cancel_requested_at, timeout_seconds, leased_by,
    priority, attempt, max_attempts, queue, kind, idempotency_key, tags, headers, payload, progress,
    depends_on, on_parent_failure, workflow_id)
    SELECT 'expired', gone.error, clock_timestamp(), gone.id, gone.lease_epoch, gone.created_at, gone.run_at, gone.expires_at, gone.started_at, gone.cancel_requested_at,
       gone.timeout_seconds, gone.leased_by, gone.priority, gone.attempt, gone.max_attempts, gone.queue, gone.kind,
       gone.idempotency_key, gone.tags, gone.headers, gone.payload, gone.progress,
       gone.depends_on, gone.on_parent_failure, gone.workflow_id
    FROM   gone
), unlinked AS (
    DELETE FROM pgq.task_dependencies AS e USING gone WHERE e.child_id = gone.id AND gone.state = 'blocked'
), released AS MATERIALIZED (
    SELECT pgq.release_children(array_agg(gone.id), array_agg('expired'::text)) FROM gone
)
SELECT count(*) AS changed, coalesce(array_agg(late.id), '{}') AS ids, pgq.end_turn('expirer', count(*)) FROM late, released
