-- Bury the tasks whose kind no live worker has had for the grace time. Runs only under the turn that pgq.take_turn() gave.
WITH lost AS MATERIALIZED (
    SELECT t.id,
           jsonb_build_object('type', 'UnknownKind', 'traceback', '', 'attempt', t.attempt, 'at', pgq.rfc3339(clock_timestamp()),
                              'message', format('no live worker has had a handler for kind %%s for %%s s; start one that has, then redrive',
                                                t.kind, %(grace)s::float8)) AS last_error
    FROM   pgq.tasks AS t LEFT JOIN pgq.kinds AS k ON k.kind = t.kind
    WHERE  current_setting('pgq.turn', true) = 'undertaker' AND t.state = 'pending'
    AND    greatest(t.run_at, t.created_at, k.seen_at) < clock_timestamp() - make_interval(secs => %(grace)s)
    AND    NOT EXISTS (SELECT FROM pgq.workers AS w WHERE w.beat_at > clock_timestamp() - interval '15 s'
                       AND (t.kind = ANY (w.kinds) OR w.kinds = '{}' AND t.queue = ANY (w.queues)))
    AND    (%(only)s::uuid IS NULL OR t.id = %(only)s::uuid)
    ORDER  BY t.id LIMIT 1000
    FOR    UPDATE OF t SKIP LOCKED
), gone AS (
    DELETE FROM pgq.tasks AS t USING lost WHERE t.id = lost.id RETURNING t.*, lost.last_error
), counted AS (
    -- Without an attempt of its own: it neither waited for a start nor ran. Sorted, as other duties write there too.
    INSERT INTO pgq.task_stats AS s (minute, queue, kind, worker_id, dead, wait, run, total, total_seconds)
    SELECT date_trunc('minute', clock_timestamp()), a.queue, a.kind, '00000000-0000-0000-0000-000000000000', count(*),
           pgq.histogram('{}'), pgq.histogram('{}'), pgq.histogram(array_agg(a.total)), sum(a.total)
    FROM   (SELECT gone.queue, gone.kind, greatest(date_part('epoch', statement_timestamp() - gone.created_at), 0) AS total
            FROM   gone) AS a
    GROUP  BY a.queue, a.kind
    ORDER  BY a.queue, a.kind
    ON CONFLICT (minute, queue, kind, worker_id) DO UPDATE SET
        dead = s.dead + excluded.dead, total = pgq.add_histograms(s.total, excluded.total),
        total_seconds = s.total_seconds + excluded.total_seconds
), buried AS (
    INSERT INTO pgq.dead_tasks (
        error, finished_at, id, lease_epoch, created_at, run_at, expires_at, started_at, cancel_requested_at, timeout_seconds, leased_by,
    priority, attempt, max_attempts, queue, kind, idempotency_key, tags, headers, payload, progress,
    depends_on, on_parent_failure, workflow_id)
    SELECT gone.last_error, clock_timestamp(), gone.id, gone.lease_epoch, gone.created_at, gone.run_at, gone.expires_at, gone.started_at, gone.cancel_requested_at,
       gone.timeout_seconds, gone.leased_by, gone.priority, gone.attempt, gone.max_attempts, gone.queue, gone.kind,
       gone.idempotency_key, gone.tags, gone.headers, gone.payload, gone.progress,
       gone.depends_on, gone.on_parent_failure, gone.workflow_id
    FROM   gone
), released AS MATERIALIZED (
    SELECT pgq.release_children(array_agg(gone.id), array_agg('dead'::text)) FROM gone
)
SELECT count(*) AS changed, coalesce(array_agg(lost.id), '{}') AS ids, pgq.end_turn('undertaker', count(*)) FROM lost, released
