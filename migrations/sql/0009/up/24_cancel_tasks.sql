-- Cancel tasks: those that wait end at once ('cancelled'), those that run are told ('requested') and end when their handlers
-- stop; those that have ended are not answered. What waits for them is told, too; none of them is cancelled for another.
-- Locked in one statement, in the order that all take who hold several: first what does not wait for parents, then what
-- does, those among them that will be told included (all that may be: at any depth); each by its id.
CREATE FUNCTION pgq.cancel_tasks(ids uuid[]) RETURNS TABLE (id uuid, answer text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    families uuid[] := ARRAY(
        WITH RECURSIVE family (id) AS (
            SELECT t.id FROM pgq.tasks AS t WHERE t.id = ANY (ids) AND t.state <> 'running'
            UNION
            SELECT e.child_id
            FROM   family CROSS JOIN LATERAL (SELECT d.child_id FROM pgq.task_dependencies AS d WHERE d.parent_id = family.id OFFSET 0) AS e
        )
        SELECT family.id FROM family);
    waiting uuid[];
    ended   uuid[];
BEGIN
    PERFORM FROM pgq.tasks AS t WHERE t.id = ANY (ids || families) ORDER BY t.state = 'blocked', t.id FOR UPDATE;

    -- Who leases a task runs it (a CHECK says so); asked for its state, the index of those that run might be read whole.
    RETURN QUERY
    WITH told AS (
        UPDATE pgq.tasks AS t SET cancel_requested_at = coalesce(t.cancel_requested_at, clock_timestamp())
        WHERE  t.id = ANY (ids) AND t.leased_by IS NOT NULL
        RETURNING t.id
    )
    SELECT told.id, 'requested' FROM told, LATERAL pg_notify('pgq_cancel', told.id::text);

    waiting := ARRAY(SELECT t.id FROM pgq.tasks AS t WHERE t.id = ANY (ids) AND t.leased_by IS NULL);
    IF waiting <> '{}' THEN
        ended := ARRAY(SELECT pgq.end_waiting(waiting, array_fill(NULL::jsonb, ARRAY[cardinality(waiting)])));
        PERFORM pgq.release_children(ended, array_fill('cancelled'::text, ARRAY[cardinality(ended)]));
        RETURN QUERY SELECT e.id, 'cancelled' FROM unnest(ended) AS e (id);
    END IF;
END
$$;
