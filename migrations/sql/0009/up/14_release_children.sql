-- Called by every statement that ends tasks, with the states that they have ended in: tell those that wait for them.
-- One look into an index where nobody does. It never fails, as no task's end may depend on what waits for it: what it could
-- not do (a deadlock, a row that cannot be kept) is left to the unblocker.
CREATE FUNCTION pgq.release_children(ended uuid[], states text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pgq.task_dependencies AS e WHERE e.parent_id = ANY (ended)) THEN
        RETURN 0;
    END IF;
    BEGIN
        RETURN pgq.settle_parents(ended, states);
    EXCEPTION WHEN OTHERS THEN
        RAISE WARNING 'tasks that wait for others are looked after later: %', SQLERRM;
        RETURN 0;
    END;
END
$$;
