-- A task of a workflow has ended: whichever statement moved it, its row arrives in the history.
CREATE FUNCTION pgq.count_ended() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO pgq.workflow_changes (workflow_id, succeeded, cancelled, expired)
    VALUES (NEW.workflow_id, (NEW.state = 'succeeded')::integer, (NEW.state = 'cancelled')::integer, (NEW.state = 'expired')::integer);
    RETURN NULL;
END
$$;

CREATE TRIGGER count_ended AFTER INSERT ON pgq.task_history FOR EACH ROW
WHEN (NEW.workflow_id IS NOT NULL)
EXECUTE FUNCTION pgq.count_ended();
