-- Cancel a task: one that waits ends at once ('cancelled'), one that runs is told ('requested') and ends when its handler stops.
CREATE OR REPLACE FUNCTION pgq.cancel(task_id uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    task pgq.tasks%ROWTYPE;
BEGIN
    SELECT * INTO task FROM pgq.tasks AS t WHERE t.id = task_id FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM pgq.refuse_ended(task_id, 'only a task that has not ended can be cancelled');
    ELSIF task.state = 'running' THEN
        UPDATE pgq.tasks AS t SET cancel_requested_at = coalesce(t.cancel_requested_at, clock_timestamp()) WHERE t.id = task_id;
        PERFORM pg_notify('pgq_cancel', task_id::text);
        RETURN 'requested';
    END IF;
    DELETE FROM pgq.tasks AS t WHERE t.id = task_id;
    INSERT INTO pgq.task_history (
        state, error, id, lease_epoch, created_at, run_at, expires_at, started_at, cancel_requested_at, timeout_seconds, leased_by,
        priority, attempt, max_attempts, queue, kind, idempotency_key, tags, headers, payload, progress)
    SELECT 'cancelled', task.error, task.id, task.lease_epoch, task.created_at, task.run_at, task.expires_at, task.started_at,
           clock_timestamp(), task.timeout_seconds, task.leased_by, task.priority, task.attempt, task.max_attempts, task.queue,
           task.kind, task.idempotency_key, task.tags, task.headers, task.payload, task.progress;
    RETURN 'cancelled';
END
$$;
