-- Run again what has not succeeded of a workflow: dead, cancelled and expired tasks come back under their ids, with all their
-- attempts, and wait again for those of their parents that have not ended now. What has succeeded stays. Answers how many
-- came back.
CREATE FUNCTION pgq.retry_workflow(workflow_id uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    ids    uuid[];
    states text[];
BEGIN
    PERFORM FROM pgq.workflows AS w WHERE w.id = retry_workflow.workflow_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM pgq.refuse_workflow(workflow_id, '');
    ELSIF EXISTS (SELECT FROM pgq.workflows AS w WHERE w.id = retry_workflow.workflow_id AND w.stopping)
          OR EXISTS (SELECT FROM pgq.tasks AS t WHERE t.workflow_id = retry_workflow.workflow_id AND t.cancel_requested_at IS NOT NULL) THEN
        PERFORM pgq.refuse_workflow(workflow_id, 'its tasks are being cancelled; retry it when they have ended');
    END IF;

    WITH dead AS (
        DELETE FROM pgq.dead_tasks AS d WHERE d.workflow_id = retry_workflow.workflow_id
        RETURNING d.id, d.lease_epoch, d.created_at, d.run_at, d.timeout_seconds, d.priority, d.max_attempts, d.queue, d.kind, d.tags,
                  d.headers, d.payload, d.error, d.depends_on, d.on_parent_failure, 'dead' AS state
    ), stopped AS (
        DELETE FROM pgq.task_history AS h
        WHERE  h.workflow_id = retry_workflow.workflow_id AND h.state IN ('cancelled', 'expired')
        RETURNING h.id, h.lease_epoch, h.created_at, h.run_at, h.timeout_seconds, h.priority, h.max_attempts, h.queue, h.kind, h.tags,
                  h.headers, h.payload, h.error, h.depends_on, h.on_parent_failure, h.state
    ), back AS MATERIALIZED (
        SELECT * FROM dead UNION ALL SELECT * FROM stopped
    ), inserted AS (
        INSERT INTO pgq.tasks (id, lease_epoch, created_at, run_at, timeout_seconds, priority, max_attempts, queue, kind, tags, headers,
                               payload, error, depends_on, on_parent_failure, workflow_id, waits_for)
        SELECT back.id, back.lease_epoch + 1, back.created_at, greatest(back.run_at, clock_timestamp()), back.timeout_seconds,
               back.priority, back.max_attempts, back.queue, back.kind, back.tags, back.headers, back.payload, back.error,
               back.depends_on, back.on_parent_failure, retry_workflow.workflow_id, CASE WHEN back.depends_on IS NOT NULL THEN 0 END
        FROM   back ORDER BY back.id
    )
    SELECT array_agg(back.id), array_agg(back.state) INTO ids, states FROM back;
    IF ids IS NULL THEN
        PERFORM pgq.refuse_workflow(workflow_id, 'nothing of it has failed or was cancelled');
    END IF;
    PERFORM pgq.wait_again(ids);
    INSERT INTO pgq.workflow_changes (workflow_id, dead, cancelled, expired)
    VALUES (retry_workflow.workflow_id, -cardinality(array_positions(states, 'dead')),
            -cardinality(array_positions(states, 'cancelled')), -cardinality(array_positions(states, 'expired')));
    PERFORM pgq.reopen_workflow(workflow_id);
    RETURN cardinality(ids);
END
$$;
