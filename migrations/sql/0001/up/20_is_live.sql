-- Has the task not ended yet? As of now, not of the calling statement's snapshot: a caller that had to wait for another
-- session must see what that one committed.
CREATE FUNCTION pgq.is_live(task_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM pgq.tasks AS t WHERE t.id = task_id);
END
$$;
