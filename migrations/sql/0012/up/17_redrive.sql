-- Bring a dead letter back: due now, with all its attempts again. The epoch goes on, so that no old lease fits.
-- Its parents were waited for once, and are not again; what waits for it goes on waiting. Its workflow runs again, too: that
-- is locked first, as by a retry of all of it.
CREATE OR REPLACE FUNCTION pgq.redrive(task_id uuid) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    task pgq.dead_tasks%ROWTYPE;
BEGIN
    PERFORM FROM pgq.workflows AS w WHERE w.id = (SELECT d.workflow_id FROM pgq.dead_tasks AS d WHERE d.id = task_id) FOR NO KEY UPDATE;
    DELETE FROM pgq.dead_tasks AS d WHERE d.id = task_id RETURNING * INTO task;
    IF NOT FOUND THEN
        PERFORM pgq.refuse_ended(task_id, 'only a dead letter can be redriven');
    END IF;
    INSERT INTO pgq.tasks (id, lease_epoch, created_at, run_at, timeout_seconds, priority, max_attempts, queue, kind,
                           idempotency_key, tags, headers, payload, error, depends_on, on_parent_failure, workflow_id, waits_for)
    VALUES (task.id, task.lease_epoch + 1, task.created_at, clock_timestamp(), task.timeout_seconds, task.priority,
            task.max_attempts, task.queue, task.kind, task.idempotency_key, task.tags, task.headers, task.payload, task.error,
            task.depends_on, task.on_parent_failure, task.workflow_id, CASE WHEN task.depends_on IS NOT NULL THEN 0 END);
    IF task.workflow_id IS NOT NULL THEN
        INSERT INTO pgq.workflow_changes (workflow_id, dead) VALUES (task.workflow_id, -1);
        PERFORM pgq.reopen_workflow(task.workflow_id);
    END IF;
    RETURN task.id;
END
$$;
