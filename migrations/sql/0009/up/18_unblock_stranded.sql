-- The duty of the unblocker: find waiting tasks that nobody would ever tell to go on, and settle them by what has truly become
-- of their parents. These are left by what could not be done at the time, by older versions that end tasks without looking
-- for children, and by hands that reach into the tables.
-- Two walks, each `at_most` rows a turn and going on where the last one ended: over the edges (is the parent still there?),
-- and over the waiting tasks (has it an edge at all?). With `just`, this one task instead.
CREATE FUNCTION pgq.unblock_stranded(at_most integer, just uuid DEFAULT NULL) RETURNS uuid[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
#variable_conflict use_variable
DECLARE
    nowhere CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    place     uuid[] := coalesce((SELECT m.place FROM pgq.maintenance AS m WHERE m.duty = 'unblocker'), ARRAY[nowhere, nowhere, nowhere]);
    last_edge pgq.task_dependencies%ROWTYPE;
    last_task uuid;
    orphans   uuid[];
    children  uuid[];
    states    text[];
    bare      uuid[];
BEGIN
    -- Where each walk ends this time; NULL: at the end of the table, so that the next one begins anew.
    SELECT e.* INTO last_edge FROM pgq.task_dependencies AS e
    WHERE  (e.parent_id, e.child_id) > (place[1], place[2]) ORDER BY e.parent_id, e.child_id OFFSET at_most - 1 LIMIT 1;
    SELECT t.id INTO last_task FROM pgq.tasks AS t WHERE t.state = 'blocked' AND t.id > place[3] ORDER BY t.id OFFSET at_most - 1 LIMIT 1;

    WITH stretch AS MATERIALIZED (
        SELECT e.parent_id, e.child_id FROM pgq.task_dependencies AS e
        WHERE  (e.parent_id, e.child_id) > (place[1], place[2]) AND just IS NULL
        AND    (last_edge.parent_id IS NULL OR (e.parent_id, e.child_id) <= (last_edge.parent_id, last_edge.child_id))
        UNION ALL
        SELECT e.parent_id, e.child_id FROM pgq.task_dependencies AS e WHERE e.child_id = just
    ), stranded AS (
        SELECT s.parent_id, s.child_id FROM stretch AS s
        WHERE  (SELECT true FROM pgq.tasks AS p WHERE p.id = s.parent_id) IS NULL
        AND    NOT ((SELECT true FROM pgq.dead_tasks AS d WHERE d.id = s.parent_id) IS NOT NULL
                    AND coalesce((SELECT c.on_parent_failure = 'wait' FROM pgq.tasks AS c WHERE c.id = s.child_id), false))
    )
    SELECT array_agg(DISTINCT s.parent_id), array_agg(DISTINCT s.child_id) INTO orphans, children FROM stranded AS s;

    IF orphans IS NOT NULL THEN
        -- Of children that are gone, nothing is left to settle.
        DELETE FROM pgq.task_dependencies AS e
        WHERE  e.child_id = ANY (children) AND (SELECT true FROM pgq.tasks AS t WHERE t.id = e.child_id) IS NULL;
        SELECT array_agg(p.id), array_agg(coalesce(p.state, 'forgotten')) INTO orphans, states
        FROM   pgq.parent_states(orphans) AS p WHERE p.state IS DISTINCT FROM 'live';
        IF orphans IS NOT NULL THEN
            PERFORM pgq.settle_parents(orphans, states);
        END IF;
    END IF;

    bare := ARRAY(
        SELECT t.id FROM pgq.tasks AS t
        WHERE  t.state = 'blocked' AND t.waits_for > 0 AND (just IS NULL OR t.id = just)
        AND    t.id > CASE WHEN just IS NULL THEN place[3] ELSE nowhere END AND (last_task IS NULL OR just IS NOT NULL OR t.id <= last_task)
        AND    (SELECT true FROM pgq.task_dependencies AS e WHERE e.child_id = t.id LIMIT 1) IS NULL
        ORDER  BY t.id
        FOR    UPDATE SKIP LOCKED);
    IF bare <> '{}' THEN
        -- Its parents are asked anew, as if it had just been submitted.
        INSERT INTO pgq.task_dependencies (parent_id, child_id)
        SELECT parent.id, t.id FROM pgq.tasks AS t CROSS JOIN LATERAL unnest(t.depends_on) AS parent (id) WHERE t.id = ANY (bare)
        ON CONFLICT DO NOTHING;
        UPDATE pgq.tasks AS t
        SET    waits_for = coalesce(cardinality(t.depends_on), 0),
               state = CASE WHEN t.depends_on IS NULL THEN 'pending' ELSE 'blocked' END,
               run_at = CASE WHEN t.depends_on IS NULL THEN greatest(t.run_at, clock_timestamp()) ELSE t.run_at END
        WHERE  t.id = ANY (bare);
        PERFORM pgq.settle_children(bare);
    END IF;

    IF just IS NULL THEN
        UPDATE pgq.maintenance AS m
        SET    place = ARRAY[coalesce(last_edge.parent_id, nowhere), coalesce(last_edge.child_id, nowhere), coalesce(last_task, nowhere)]
        WHERE  m.duty = 'unblocker';
    END IF;
    RETURN coalesce(children, '{}') || bare;
END
$$;
