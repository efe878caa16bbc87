-- Run a task again, whatever became of it: a dead letter is redriven; an ended task gives a new one (headers.retried_from);
-- one that waits for its time runs now; one that runs already is refused. One that ended before it
-- began waits again for those of its parents that are live. The new one is of no workflow. Answers the id of the task that will run.
CREATE OR REPLACE FUNCTION pgq.retry(task_id uuid) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    live  pgq.tasks%ROWTYPE;
    ended pgq.task_history%ROWTYPE;
    fresh uuid := pgq.uuid7();
BEGIN
    SELECT * INTO live FROM pgq.tasks AS t WHERE t.id = task_id FOR UPDATE;
    IF FOUND THEN
        IF live.state <> 'pending' THEN
            RAISE EXCEPTION USING ERRCODE = 'PQ006', MESSAGE = format('task %s is %s: it cannot be retried now', task_id, live.state),
                DETAIL = json_build_object('state', live.state, 'reason', 'it cannot be retried now')::text;
        END IF;
        UPDATE pgq.tasks AS t SET run_at = least(t.run_at, clock_timestamp()) WHERE t.id = task_id;
        PERFORM pg_notify('pgq_ready', live.queue);
        RETURN task_id;
    END IF;

    SELECT * INTO ended FROM pgq.task_history AS h WHERE h.id = task_id ORDER BY h.finished_at DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN pgq.redrive(task_id);
    END IF;
    INSERT INTO pgq.tasks (id, kind, payload, queue, priority, max_attempts, timeout_seconds, tags, headers,
                           depends_on, on_parent_failure, waits_for)
    VALUES (fresh, ended.kind, ended.payload, ended.queue, ended.priority, ended.max_attempts, ended.timeout_seconds, ended.tags,
            ended.headers - '{workflow_id,workflow_node}'::text[] || jsonb_build_object('retried_from', task_id),
            ended.depends_on, ended.on_parent_failure, CASE WHEN ended.depends_on IS NOT NULL THEN 0 END);
    IF ended.depends_on IS NOT NULL AND ended.attempt = 0 THEN
        PERFORM pgq.wait_again(ARRAY[fresh]);
    END IF;
    RETURN fresh;
END
$$;
