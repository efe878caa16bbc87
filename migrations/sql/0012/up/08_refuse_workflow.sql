-- Why a verb cannot be done to a workflow: PQ007 when there is none with this id, else PQ006 with its state.
CREATE FUNCTION pgq.refuse_workflow(workflow_id uuid, why text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_state text := (SELECT s.state FROM pgq.workflow_status AS s WHERE s.id = workflow_id);
BEGIN
    IF found_state IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PQ007', MESSAGE = format('no workflow has the id %s', workflow_id),
            DETAIL = '{"what": "workflow"}';
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'PQ006', MESSAGE = format('workflow %s is %s: %s', workflow_id, found_state, why),
        DETAIL = json_build_object('what', 'workflow', 'state', found_state, 'reason', why)::text;
END
$$;
