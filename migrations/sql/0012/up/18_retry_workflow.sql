-- Run again what has not succeeded of a workflow: dead, cancelled and expired tasks come back under their ids, with all their
-- attempts, and wait again for those of their parents that have not ended now. So does what runs however its parents ended and
-- has not begun: a callback is not to run before them. What has succeeded stays. Answers how many came back.
-- A queue that is full takes none, as with a redrive. One that is not takes them all, even beyond its max_depth: they come
-- back together or not at all, and then a large workflow never could. So they come as blocked, which is not counted.
CREATE FUNCTION pgq.retry_workflow(workflow_id uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    ids     uuid[];
    states  text[];
    others  uuid[];
    due     text[];
    crowded record;
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
        RETURNING d.id, d.lease_epoch, d.created_at, d.run_at, d.timeout_seconds, d.priority, d.max_attempts, d.queue, d.kind,
                  d.idempotency_key, d.tags, d.headers, d.payload, d.error, d.depends_on, d.on_parent_failure, 'dead' AS state
    ), stopped AS (
        DELETE FROM pgq.task_history AS h
        WHERE  h.workflow_id = retry_workflow.workflow_id AND h.state IN ('cancelled', 'expired')
        RETURNING h.id, h.lease_epoch, h.created_at, h.run_at, h.timeout_seconds, h.priority, h.max_attempts, h.queue, h.kind,
                  h.idempotency_key, h.tags, h.headers, h.payload, h.error, h.depends_on, h.on_parent_failure, h.state
    ), back AS MATERIALIZED (
        SELECT * FROM dead UNION ALL SELECT * FROM stopped
    ), inserted AS (
        INSERT INTO pgq.tasks (id, state, lease_epoch, created_at, run_at, timeout_seconds, priority, max_attempts, queue, kind,
                               idempotency_key, tags, headers, payload, error, depends_on, on_parent_failure, workflow_id, waits_for)
        SELECT back.id, 'blocked', back.lease_epoch + 1, back.created_at, greatest(back.run_at, clock_timestamp()), back.timeout_seconds,
               back.priority, back.max_attempts, back.queue, back.kind, back.idempotency_key, back.tags, back.headers, back.payload,
               back.error, back.depends_on, back.on_parent_failure, retry_workflow.workflow_id,
               CASE WHEN back.depends_on IS NOT NULL THEN 0 END
        FROM   back ORDER BY back.id
    )
    SELECT array_agg(back.id), array_agg(back.state) INTO ids, states FROM back;
    IF ids IS NULL THEN
        PERFORM pgq.refuse_workflow(workflow_id, 'nothing of it has failed or was cancelled');
    END IF;
    others := ARRAY(SELECT t.id FROM pgq.tasks AS t
                    WHERE  t.workflow_id = retry_workflow.workflow_id AND t.on_parent_failure = 'run' AND t.attempt = 0
                    ORDER  BY t.id FOR NO KEY UPDATE);
    PERFORM pgq.wait_again(ids || others);
    due := ARRAY(SELECT DISTINCT t.queue FROM pgq.tasks AS t
                 WHERE  t.id = ANY (ids) AND t.state = 'blocked' AND coalesce(t.waits_for, 0) = 0);
    SELECT q.name, q.max_depth INTO crowded FROM pgq.queues AS q
    WHERE  q.name = ANY (due) AND pgq.waiting_tasks(q.name, q.max_depth) >= q.max_depth ORDER BY q.name LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'PQ002',
            MESSAGE = format('queue %s is full: at most %s tasks may wait in it; nothing came back, retry workflow %s when fewer do',
                             crowded.name, crowded.max_depth, workflow_id),
            DETAIL = json_build_object('queue', crowded.name, 'max_depth', crowded.max_depth)::text;
    END IF;
    UPDATE pgq.tasks AS t SET state = 'pending' WHERE t.id = ANY (ids) AND t.state = 'blocked' AND coalesce(t.waits_for, 0) = 0;
    PERFORM pg_notify('pgq_ready', lane.queue) FROM unnest(due) AS lane (queue)
    WHERE   EXISTS (SELECT FROM pgq.waiting_workers AS w WHERE lane.queue = ANY (w.queues));

    INSERT INTO pgq.workflow_changes (workflow_id, dead, cancelled, expired)
    VALUES (retry_workflow.workflow_id, -cardinality(array_positions(states, 'dead')),
            -cardinality(array_positions(states, 'cancelled')), -cardinality(array_positions(states, 'expired')));
    PERFORM pgq.reopen_workflow(workflow_id);
    RETURN cardinality(ids);
END
$$;
