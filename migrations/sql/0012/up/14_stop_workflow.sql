-- End the tasks of a workflow that is to stop: those that wait end as cancelled, those that run are told. Answers how many.
-- After a failure, tasks with on_parent_failure = 'run' are spared: they are there to clean up, or to tell. Nobody is waited
-- for: what another session is at now is left to the duty that keeps workflows, and comes here again.
-- By index whatever the statistics say: they may know nothing yet of the many tasks of a workflow.
CREATE FUNCTION pgq.stop_workflow(workflow_id uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    flow    pgq.workflows%ROWTYPE;
    reason  jsonb;
    told    integer;
    waiting uuid[];
    ended   uuid[];
BEGIN
    SELECT * INTO flow FROM pgq.workflows AS w WHERE w.id = stop_workflow.workflow_id FOR NO KEY UPDATE;
    IF flow.cancel_requested_at IS NULL THEN
        reason := jsonb_build_object('type', 'WorkflowFailed', 'traceback', '', 'at', pgq.rfc3339(clock_timestamp()),
            'message', coalesce((SELECT format('task %s of its workflow is dead', m.name)
                                 FROM   (SELECT d.id, d.finished_at FROM pgq.dead_tasks AS d WHERE d.workflow_id = flow.id OFFSET 0) AS dead
                                        JOIN pgq.workflow_tasks AS m ON m.task_id = dead.id
                                 ORDER  BY dead.finished_at LIMIT 1),
                                'a task of its workflow has failed'));
    END IF;

    WITH running AS MATERIALIZED (
        SELECT t.id FROM pgq.tasks AS t
        WHERE  t.workflow_id = flow.id AND t.state = 'running' AND t.cancel_requested_at IS NULL
        AND    (flow.cancel_requested_at IS NOT NULL OR t.on_parent_failure IS DISTINCT FROM 'run')
        ORDER  BY t.id FOR NO KEY UPDATE SKIP LOCKED
    ), asked AS (
        UPDATE pgq.tasks AS t SET cancel_requested_at = clock_timestamp() FROM running WHERE t.id = running.id RETURNING t.id
    )
    SELECT count(pg_notify('pgq_cancel', asked.id::text)::text) INTO told FROM asked;

    waiting := ARRAY(
        SELECT t.id FROM pgq.tasks AS t
        WHERE  t.workflow_id = flow.id AND t.state <> 'running'
        AND    (flow.cancel_requested_at IS NOT NULL OR t.on_parent_failure IS DISTINCT FROM 'run')
        ORDER  BY t.id FOR UPDATE SKIP LOCKED);
    ended := ARRAY(SELECT pgq.end_waiting(waiting, array_fill(reason, ARRAY[cardinality(waiting)])));
    PERFORM pgq.release_children(ended, array_fill('cancelled'::text, ARRAY[cardinality(ended)]));

    UPDATE pgq.workflows AS w SET stopping = false
    WHERE  w.id = flow.id AND w.stopping
    AND    NOT EXISTS (SELECT FROM pgq.tasks AS t
                       WHERE  t.workflow_id = flow.id AND t.cancel_requested_at IS NULL
                       AND    (flow.cancel_requested_at IS NOT NULL OR t.on_parent_failure IS DISTINCT FROM 'run'));
    RETURN told + cardinality(ended);
END
$$;
