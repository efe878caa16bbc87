-- The door for a task with parents: refuses what could never be, and lets the task wait if one of its parents has not
-- succeeded. What the parents' end means for it is looked at when the transaction commits (pgq.look_after_children).
-- A parent must be there before its child, so a circle is impossible.
CREATE FUNCTION pgq.await_parents() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unknown uuid;
    open    boolean;
BEGIN
    IF NEW.depends_on IS NULL THEN
        PERFORM pgq.refuse('on_parent_failure', 'means nothing without depends_on');
    ELSIF NEW.on_parent_failure NOT IN ('cancel', 'run', 'wait') THEN
        PERFORM pgq.refuse('on_parent_failure', format('must be cancel, run or wait, not %s', left(NEW.on_parent_failure, 100)));
    ELSIF NEW.depends_on = '{}' THEN
        NEW.depends_on := NULL;
        NEW.on_parent_failure := NULL;
        RETURN NEW;
    ELSIF array_ndims(NEW.depends_on) > 1 THEN
        PERFORM pgq.refuse('depends_on', 'must be a list of ids');
    ELSIF array_position(NEW.depends_on, NULL) IS NOT NULL THEN
        PERFORM pgq.refuse('depends_on', 'must be a list of ids, none of them null');
    ELSIF NEW.id = ANY (NEW.depends_on) THEN
        PERFORM pgq.refuse('depends_on', 'a task cannot depend on itself');
    END IF;
    IF cardinality(NEW.depends_on) > 1 THEN
        NEW.depends_on := ARRAY(SELECT p.id FROM unnest(NEW.depends_on) WITH ORDINALITY AS p (id, n) GROUP BY p.id ORDER BY min(p.n));
    END IF;
    IF cardinality(NEW.depends_on) > 10000 THEN
        PERFORM pgq.refuse('depends_on', format('must be at most 10,000 tasks, not %s', cardinality(NEW.depends_on)));
    END IF;

    SELECT (array_agg(s.id) FILTER (WHERE s.state IS NULL))[1],
           bool_or(s.state <> 'succeeded' AND (s.state = 'live' OR NEW.on_parent_failure IS DISTINCT FROM 'run'))
    INTO   unknown, open
    FROM   pgq.parent_states(NEW.depends_on) AS s;
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'PQ004',
            MESSAGE = format('depends_on: no task has the id %s', unknown),
            DETAIL = json_strip_nulls(json_build_object('field', 'depends_on', 'reason', format('no task has the id %s', unknown),
                'id', unknown, 'position', nullif(current_setting('pgq.position', true), '')::integer))::text,
            HINT = 'Submit the parents first; those whose retention is over are not known any more.';
    END IF;
    NEW.waits_for := CASE WHEN open THEN cardinality(NEW.depends_on) ELSE 0 END;
    IF open THEN
        NEW.state := 'blocked';
        PERFORM set_config('pgq.children', 'new', true);
    END IF;
    RETURN NEW;
END
$$;

-- By its name after accept_task, which fills in the id. A row without parents pays for this condition only.
CREATE TRIGGER await_parents BEFORE INSERT ON pgq.tasks FOR EACH ROW
WHEN ((NEW.depends_on IS NOT NULL OR NEW.on_parent_failure IS NOT NULL) AND NEW.waits_for IS NULL)
EXECUTE FUNCTION pgq.await_parents();
