-- When a transaction that has submitted tasks with parents commits: has a parent ended meanwhile? At the commit, because a
-- lock on the parents that is held longer would let any submitter hold up their completion. All of a transaction's
-- children at once, so that the locks are taken in the order of ids.
-- A submit does not fail for this. What could not be looked at (a parent that changed under a REPEATABLE READ snapshot, a
-- lock that was waited for too long) is left to the unblocker.
CREATE FUNCTION pgq.look_after_children() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    children uuid[];
BEGIN
    WITH taken AS (
        DELETE FROM pgq.new_children AS n WHERE n.submitted_by = NEW.submitted_by RETURNING n.child_ids
    )
    SELECT array_agg(child.id) INTO children FROM taken, unnest(taken.child_ids) AS child (id);
    IF children IS NOT NULL THEN
        BEGIN
            PERFORM pgq.settle_children(children);
        EXCEPTION WHEN serialization_failure OR deadlock_detected OR lock_not_available THEN
            NULL;
        END;
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER look_after_children AFTER INSERT ON pgq.new_children
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pgq.look_after_children();
