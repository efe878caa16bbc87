-- What the end of these tasks means for those that wait for them: succeeded lets them go on; dead, cancelled, expired,
-- purged or forgotten does what the child's on_parent_failure says, and cancels, level by level, what waits for it in turn.
-- A child that waits for a dead letter goes on waiting. Answers how many tasks were changed.
-- Whoever calls this has ended the tasks (or holds the lock on whoever could), so nobody else works on the same edges.
-- All rows are locked in the order of their ids before the first one changes, and only then are the edges touched: two
-- parents that end together each count down what the other has left. Whoever holds other tasks as well has taken them
-- before, as whoever ends an attempt has: first what does not wait for parents, then what does.
-- The tables are asked by index only, and joins with arrays are hashed, whatever the statistics say. So any plan is good, and
-- is made once: to make plans anew at each call costs three times what they do.
CREATE FUNCTION pgq.settle_parents(ended uuid[], states text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
SET enable_nestloop = off
AS $$
DECLARE
    children       uuid[] := '{}';  -- those to cancel, with the parent that each is cancelled for
    culprits       uuid[] := '{}';
    culprit_states text[] := '{}';
    found          record;
    level          uuid[];
    level_states   text[];
    locked         uuid[];  -- all whose number of parents changes, and those to cancel
    cancelled      bigint;
    released       bigint;
    queues         text[];
BEGIN
    LOOP
        level := ended || children;
        level_states := states || array_fill('cancelled'::text, ARRAY[cardinality(children)]);
        LOOP
            WITH failed AS MATERIALIZED (
                SELECT p.id, p.state FROM unnest(level, level_states) AS p (id, state) WHERE p.state <> 'succeeded'
            ), hit AS MATERIALIZED (
                SELECT DISTINCT ON (e.child_id) e.child_id, failed.id, failed.state
                FROM   failed
                       CROSS JOIN LATERAL (SELECT d.child_id FROM pgq.task_dependencies AS d WHERE d.parent_id = failed.id OFFSET 0) AS e
                       CROSS JOIN LATERAL (SELECT r.on_parent_failure FROM pgq.tasks AS r
                                           WHERE r.id = e.child_id AND r.state = 'blocked' AND r.waits_for > 0 OFFSET 0) AS t
                WHERE  CASE t.on_parent_failure WHEN 'run' THEN false WHEN 'wait' THEN failed.state <> 'dead' ELSE true END
                ORDER  BY e.child_id, failed.id
            ), fresh AS (
                SELECT hit.child_id AS id FROM hit EXCEPT SELECT unnest(children)
            )
            SELECT array_agg(hit.child_id) AS ids, array_agg(hit.id) AS parents, array_agg(hit.state) AS states INTO found
            FROM   hit JOIN fresh ON fresh.id = hit.child_id;
            EXIT WHEN found.ids IS NULL;
            children := children || found.ids;
            culprits := culprits || found.parents;
            culprit_states := culprit_states || found.states;
            level := found.ids;
            level_states := array_fill('cancelled'::text, ARRAY[cardinality(level)]);
        END LOOP;
        level := ARRAY(
            SELECT DISTINCT e.child_id
            FROM   unnest(ended || children) AS p (id)
                   CROSS JOIN LATERAL (SELECT d.child_id FROM pgq.task_dependencies AS d WHERE d.parent_id = p.id OFFSET 0) AS e
            ORDER  BY 1);
        EXIT WHEN level = locked;
        locked := level;
        -- And look once more: what waits for one of these may have been committed before that was locked.
        IF children = '{}' THEN
            PERFORM FROM pgq.tasks AS t WHERE t.id = ANY (locked) ORDER BY t.id FOR NO KEY UPDATE;
        ELSE
            PERFORM FROM pgq.tasks AS t WHERE t.id = ANY (locked) ORDER BY t.id FOR UPDATE;
        END IF;
    END LOOP;

    IF children <> '{}' THEN
        SELECT count(*) INTO cancelled
        FROM   pgq.end_waiting(children, ARRAY(
            SELECT jsonb_build_object('type', 'ParentFailed', 'message', format('its parent %s is %s', why.parent, why.state),
                                      'traceback', '', 'at', pgq.rfc3339(clock_timestamp()))
            FROM   unnest(culprits, culprit_states) WITH ORDINALITY AS why (parent, state, n) ORDER BY why.n));
    END IF;

    WITH over AS MATERIALIZED (
        SELECT e.place
        FROM   unnest(ended || children, states || array_fill('cancelled'::text, ARRAY[cardinality(children)])) AS p (id, state)
               CROSS JOIN LATERAL (SELECT d.ctid AS place, d.child_id FROM pgq.task_dependencies AS d WHERE d.parent_id = p.id OFFSET 0) AS e
               CROSS JOIN LATERAL (SELECT r.on_parent_failure FROM pgq.tasks AS r WHERE r.id = e.child_id OFFSET 0) AS t
               JOIN unnest(locked) AS mine (id) ON mine.id = e.child_id
        WHERE  NOT (p.state = 'dead' AND t.on_parent_failure IS NOT DISTINCT FROM 'wait')
    ), gone AS (
        DELETE FROM pgq.task_dependencies AS e WHERE e.ctid = ANY (ARRAY(SELECT over.place FROM over)) RETURNING e.child_id
    ), fewer AS MATERIALIZED (
        SELECT gone.child_id, count(*)::integer AS n FROM gone GROUP BY gone.child_id
    ), counted AS (
        UPDATE pgq.tasks AS t
        SET    waits_for = t.waits_for - fewer.n,
               state = CASE WHEN t.waits_for <= fewer.n THEN 'pending' ELSE t.state END,
               run_at = CASE WHEN t.waits_for <= fewer.n THEN greatest(t.run_at, clock_timestamp()) ELSE t.run_at END
        FROM   fewer
        WHERE  t.id = fewer.child_id AND t.id = ANY (locked) AND t.state = 'blocked' AND t.waits_for > 0
        RETURNING t.queue, t.state, t.run_at
    )
    SELECT count(*), array_agg(DISTINCT counted.queue) FILTER (WHERE counted.state = 'pending' AND counted.run_at <= clock_timestamp())
    INTO   released, queues
    FROM   counted;

    PERFORM pg_notify('pgq_ready', lane.queue) FROM unnest(queues) AS lane (queue)
    WHERE   EXISTS (SELECT FROM pgq.waiting_workers AS w WHERE lane.queue = ANY (w.queues));
    RETURN coalesce(cancelled, 0) + released;
END
$$;
