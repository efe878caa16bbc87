-- Cancel all tasks of a workflow that have not ended; running ones are told. Answers how many that were.
CREATE FUNCTION pgq.cancel_workflow(workflow_id uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM pgq.workflows AS w WHERE w.id = cancel_workflow.workflow_id FOR NO KEY UPDATE;
    IF NOT EXISTS (SELECT FROM pgq.workflow_status AS s WHERE s.id = cancel_workflow.workflow_id AND s.state = 'running') THEN
        PERFORM pgq.refuse_workflow(workflow_id, 'only one that runs can be cancelled');
    END IF;
    UPDATE pgq.workflows AS w
    SET    cancel_requested_at = coalesce(w.cancel_requested_at, clock_timestamp()),
           stopped_at = coalesce(w.stopped_at, clock_timestamp()), stopping = true
    WHERE  w.id = cancel_workflow.workflow_id;
    RETURN pgq.stop_workflow(workflow_id);
END
$$;
