-- Let these waiting tasks go on, or end, as far as their parents have ended. Afterwards no other parent of theirs can end
-- before this transaction does, unseen by it or unseen by who ends it.
-- A parent that is live is locked, FOR KEY SHARE only: nothing but its end waits for that. Those that wait for parents
-- themselves come last, as they do for those who end parents; each by its id.
-- Whoever ends it holds it FOR UPDATE, and looks for children under that lock.
CREATE FUNCTION pgq.settle_children(children uuid[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    parents uuid[] := ARRAY(SELECT DISTINCT e.parent_id FROM pgq.task_dependencies AS e WHERE e.child_id = ANY (children));
    own     xid := pg_current_xact_id()::xid;
    held    uuid[];
    ended   uuid[];
    states  text[];
    live    uuid[];
BEGIN
    LOOP
        -- What this transaction has submitted itself, nobody else can end.
        held := ARRAY(SELECT t.id FROM pgq.tasks AS t WHERE t.id = ANY (parents) AND t.xmin <> own
                      ORDER BY t.state = 'blocked', t.id FOR KEY SHARE);
        PERFORM FROM pgq.dead_tasks AS d WHERE d.id = ANY (parents) ORDER BY d.id FOR KEY SHARE;
        SELECT array_agg(s.id) FILTER (WHERE s.state IS DISTINCT FROM 'live'),
               array_agg(coalesce(s.state, 'forgotten')) FILTER (WHERE s.state IS DISTINCT FROM 'live'),
               array_agg(s.id) FILTER (WHERE s.state = 'live')
        INTO   ended, states, live
        FROM   pgq.parent_states(parents) AS s;
        -- Again, if a dead letter was redriven between the two looks.
        EXIT WHEN NOT EXISTS (SELECT unnest(live) EXCEPT SELECT unnest(held)
                              EXCEPT SELECT t.id FROM pgq.tasks AS t WHERE t.id = ANY (live) AND t.xmin = own);
    END LOOP;
    RETURN CASE WHEN ended IS NULL THEN 0 ELSE pgq.settle_parents(ended, states) END;
END
$$;
