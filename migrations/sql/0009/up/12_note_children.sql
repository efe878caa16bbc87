-- Write down whom the new tasks wait for: one row per parent, those that have ended included. Once per statement, and only
-- when a row of it has to wait (pgq.await_parents says so): other statements pay for the trigger's condition only.
CREATE FUNCTION pgq.note_children() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('pgq.children', '', true);
    INSERT INTO pgq.task_dependencies (parent_id, child_id)
    SELECT parent.id, s.id
    FROM   submitted AS s CROSS JOIN LATERAL unnest(s.depends_on) AS parent (id)
    WHERE  s.state = 'blocked' AND s.waits_for > 0
    ON CONFLICT DO NOTHING;
    INSERT INTO pgq.new_children (submitted_by, child_ids)
    SELECT pg_current_xact_id()::text, array_agg(s.id) FROM submitted AS s WHERE s.state = 'blocked' AND s.waits_for > 0
    HAVING count(*) > 0;
    RETURN NULL;
END
$$;

CREATE TRIGGER note_children AFTER INSERT ON pgq.tasks
    REFERENCING NEW TABLE AS submitted FOR EACH STATEMENT
    WHEN (current_setting('pgq.children', true) = 'new') EXECUTE FUNCTION pgq.note_children();
