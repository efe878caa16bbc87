-- Submit a workflow, all or nothing: {"name": …, "on_failure": "cancel" | "continue", "tasks": [{"name", "kind", "depends_on": [names], …}]}.
-- A task's parents stand before it. `id` may be given, as it may for each task. With an `idempotency_key` the same may be sent
-- again, as long as the workflow is kept: the answer is the id of the first one, and nothing is added.
CREATE FUNCTION pgq.submit_workflow(workflow jsonb) RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unknown  text;
    given_id uuid;
    known_id uuid;
BEGIN
    IF workflow IS NULL OR jsonb_typeof(workflow) <> 'object' THEN
        PERFORM pgq.refuse('workflow', 'must be a JSON object');
    END IF;
    SELECT field.name INTO unknown FROM jsonb_object_keys(workflow - '{id,name,on_failure,idempotency_key,tasks,rest}'::text[]) AS field (name) LIMIT 1;
    IF unknown IS NOT NULL THEN
        PERFORM pgq.refuse(unknown, 'is not a field of a workflow');
    END IF;
    BEGIN
        given_id := coalesce((workflow ->> 'id')::uuid, pgq.uuid7());
    EXCEPTION WHEN data_exception THEN
        PERFORM pgq.refuse('id', 'must be a UUID');
    END;
    IF jsonb_typeof(workflow -> 'idempotency_key') NOT IN ('string', 'null') THEN
        PERFORM pgq.refuse('idempotency_key', 'must have 1 to 255 characters');
    END IF;
    known_id := pgq.open_workflow(given_id, workflow ->> 'name', workflow ->> 'on_failure', workflow ->> 'idempotency_key',
        CASE WHEN workflow ->> 'idempotency_key' IS NOT NULL THEN pgq.workflow_fingerprint(workflow) END);
    IF known_id IS NOT NULL THEN
        RETURN known_id;
    END IF;
    PERFORM pgq.add_workflow_tasks(given_id, workflow -> 'tasks');
    RETURN given_id;
END
$$;
