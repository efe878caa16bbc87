-- Why a verb found no live task: PQ006 when the task has ended (or is a dead letter), PQ007 when nobody knows the id.
CREATE FUNCTION pgq.refuse_ended(task_id uuid, why text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_state text := (SELECT s.state FROM pgq.task_status AS s WHERE s.id = task_id);
BEGIN
    IF found_state IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PQ007', MESSAGE = format('no task has the id %s', task_id);
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'PQ006', MESSAGE = format('task %s is %s: %s', task_id, found_state, why),
        DETAIL = json_build_object('state', found_state, 'reason', why)::text;
END
$$;
