-- What became of these tasks: live, or the state that they ended in; NULL for an id that nobody knows. As of now, not of the
-- calling statement's snapshot. Each id is looked up by its index, whatever the statistics say. Mostly all are live, and then
-- the history is not asked: opening its partitions costs more than the rest of a submit.
CREATE FUNCTION pgq.parent_states(ids uuid[]) RETURNS TABLE (id uuid, state text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    RETURN QUERY SELECT asked.id, 'live' FROM unnest(ids) AS asked (id)
    WHERE  NOT EXISTS (SELECT FROM unnest(ids) AS one (id) WHERE (SELECT true FROM pgq.tasks AS t WHERE t.id = one.id) IS NULL);
    IF FOUND OR ids = '{}' THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT asked.id, coalesce((SELECT 'live' FROM pgq.tasks AS t WHERE t.id = asked.id),
                              (SELECT 'dead' FROM pgq.dead_tasks AS d WHERE d.id = asked.id),
                              (SELECT h.state FROM pgq.task_history AS h WHERE h.id = asked.id ORDER BY h.finished_at DESC LIMIT 1))
    FROM   unnest(ids) AS asked (id);
END
$$;
