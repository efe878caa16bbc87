-- Let tasks that this transaction has just inserted wait for those of their parents that are live; what became of the
-- others does not matter. For tasks that are brought back.
CREATE FUNCTION pgq.wait_again(children uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    WITH waits AS MATERIALIZED (
        SELECT parent.id AS parent_id, t.id AS child_id
        FROM   pgq.tasks AS t CROSS JOIN LATERAL unnest(t.depends_on) AS parent (id)
        WHERE  t.id = ANY (children) AND t.state <> 'running'
        AND    (SELECT true FROM pgq.tasks AS p WHERE p.id = parent.id)
    ), noted AS (
        INSERT INTO pgq.task_dependencies (parent_id, child_id) SELECT w.parent_id, w.child_id FROM waits AS w
        ON CONFLICT DO NOTHING
    ), blocked AS (
        UPDATE pgq.tasks AS t SET state = 'blocked', waits_for = w.n
        FROM   (SELECT waits.child_id, count(*)::integer AS n FROM waits GROUP BY waits.child_id) AS w
        WHERE  t.id = w.child_id AND t.id = ANY (children)
        RETURNING t.id
    )
    INSERT INTO pgq.new_children (submitted_by, child_ids)
    SELECT pg_current_xact_id()::text, array_agg(blocked.id) FROM blocked HAVING count(*) > 0;
END
$$;
