-- End tasks that do not run as cancelled, each for a reason (NULL: its last error stays); answers which have ended. Whoever calls
-- this holds their rows, and tells what waits for them (pgq.release_children).
-- Counted with its total only, as it neither waited for a start nor ran; under an id of this transaction's own, because a verb
-- may be part of a long one, and nobody else is to wait for its row.
CREATE FUNCTION pgq.end_waiting(ids uuid[], reasons jsonb[]) RETURNS SETOF uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
SET enable_nestloop = off
AS $$
BEGIN
    RETURN QUERY
    WITH gone AS (
        DELETE FROM pgq.tasks AS t WHERE t.id = ANY (ids) AND t.state <> 'running' RETURNING t.*
    ), unlinked AS (
        DELETE FROM pgq.task_dependencies AS e WHERE e.child_id = ANY (ARRAY(SELECT gone.id FROM gone WHERE gone.state = 'blocked'))
    ), counted AS (
        INSERT INTO pgq.task_stats AS s (minute, queue, kind, worker_id, cancelled, wait, run, total, total_seconds)
        SELECT date_trunc('minute', clock_timestamp()), a.queue, a.kind, lpad(to_hex(pg_current_xact_id()::text::bigint), 32, '0')::uuid,
               count(*), pgq.histogram('{}'), pgq.histogram('{}'), pgq.histogram(array_agg(a.total)), sum(a.total)
        FROM   (SELECT gone.queue, gone.kind, greatest(date_part('epoch', statement_timestamp() - gone.created_at), 0) AS total
                FROM   gone) AS a
        GROUP  BY a.queue, a.kind
        ON CONFLICT (minute, queue, kind, worker_id) DO UPDATE SET
            cancelled = s.cancelled + excluded.cancelled, total = pgq.add_histograms(s.total, excluded.total),
            total_seconds = s.total_seconds + excluded.total_seconds
    )
    INSERT INTO pgq.task_history (
        state, error, id, lease_epoch, created_at, run_at, expires_at, started_at, cancel_requested_at, timeout_seconds,
        leased_by, priority, attempt, max_attempts, queue, kind, idempotency_key, tags, headers, payload, progress,
        depends_on, on_parent_failure, workflow_id)
    SELECT 'cancelled', coalesce(why.reason || jsonb_build_object('attempt', gone.attempt), gone.error), gone.id, gone.lease_epoch,
           gone.created_at, gone.run_at, gone.expires_at, gone.started_at, clock_timestamp(), gone.timeout_seconds, gone.leased_by,
           gone.priority, gone.attempt, gone.max_attempts, gone.queue, gone.kind, gone.idempotency_key, gone.tags, gone.headers,
           gone.payload, gone.progress, gone.depends_on, gone.on_parent_failure, gone.workflow_id
    FROM   gone JOIN unnest(ids, reasons) AS why (id, reason) ON why.id = gone.id
    RETURNING task_history.id;
END
$$;
