-- ... or in the dead letters.
CREATE FUNCTION pgq.count_dead() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO pgq.workflow_changes (workflow_id, dead) VALUES (NEW.workflow_id, 1);
    RETURN NULL;
END
$$;

CREATE TRIGGER count_dead AFTER INSERT ON pgq.dead_tasks FOR EACH ROW
WHEN (NEW.workflow_id IS NOT NULL)
EXECUTE FUNCTION pgq.count_dead();
