-- A task of a workflow was put into another queue: who may not see that one sees the workflow no longer.
CREATE FUNCTION pgq.note_move() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO pgq.workflow_changes (workflow_id, queue) VALUES (NEW.workflow_id, NEW.queue);
    RETURN NULL;
END
$$;

CREATE TRIGGER note_move AFTER UPDATE OF queue ON pgq.tasks FOR EACH ROW
WHEN (NEW.workflow_id IS NOT NULL AND NEW.queue <> OLD.queue)
EXECUTE FUNCTION pgq.note_move();
