-- Add tasks to a workflow that runs: what pgq.submit_many() takes, each with a `name`, and names in `depends_on`.
-- Runs with the caller's rights: a guard on who may submit what must see the caller.
CREATE FUNCTION pgq.add_workflow_tasks(workflow_id uuid, tasks jsonb) RETURNS TABLE ("position" integer, id uuid)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT s.position, s.id FROM pgq.submit_many(pgq.workflow_elements(add_workflow_tasks.workflow_id, tasks)) AS s ORDER BY s.position;
END
$$;
