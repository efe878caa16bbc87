-- A task of a workflow that had failed is to run again: what failed or was asked for before stops the workflow no longer.
CREATE FUNCTION pgq.reopen_workflow(workflow_id uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE pgq.workflows AS w
    SET    reopened_at = clock_timestamp(), stopped_at = NULL, stopping = false, cancel_requested_at = NULL
    WHERE  w.id = reopen_workflow.workflow_id
$$;
