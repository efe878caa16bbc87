-- A new task of a workflow is given its name there (headers.workflow_node, else its id), and counted.
-- After the row: which of a statement's tasks it is, pgq.position says no longer.
CREATE FUNCTION pgq.join_workflow() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    node text := coalesce(NEW.headers ->> 'workflow_node', NEW.id::text);
BEGIN
    INSERT INTO pgq.workflow_tasks (workflow_id, name, task_id)
    SELECT w.id, node, NEW.id FROM pgq.workflows AS w WHERE w.id = NEW.workflow_id
    ON CONFLICT (workflow_id, name) DO NOTHING;
    IF NOT FOUND THEN
        PERFORM set_config('pgq.position', '', true);
        PERFORM pgq.refuse('name', format('%s is the name of another task of this workflow', node))
        FROM    pgq.workflows AS w WHERE w.id = NEW.workflow_id;
        PERFORM pgq.refuse('workflow_id', 'there is no such workflow');
    END IF;
    INSERT INTO pgq.workflow_changes (workflow_id, queue, total) VALUES (NEW.workflow_id, NEW.queue, 1);
    RETURN NULL;
END
$$;

-- Other tasks pay for looking at two columns. What was brought back has its name and is counted already.
CREATE TRIGGER join_workflow AFTER INSERT ON pgq.tasks FOR EACH ROW
WHEN (NEW.workflow_id IS NOT NULL AND NEW.lease_epoch = 0)
EXECUTE FUNCTION pgq.join_workflow();
