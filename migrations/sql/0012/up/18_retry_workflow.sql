-- Run again what has not succeeded of a workflow: dead, cancelled and expired tasks come back under their ids, with all their
-- attempts, and wait again for those parents that have not ended. What has succeeded stays. Answers how many came back.
-- Parents come before their children, in the order in which they were submitted; parents that are forgotten are left out.
CREATE FUNCTION pgq.retry_workflow(workflow_id uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    buried integer;
    ended  integer;
    was_expired integer;
BEGIN
    PERFORM FROM pgq.workflows AS w WHERE w.id = retry_workflow.workflow_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM pgq.refuse_workflow(workflow_id, '');
    ELSIF EXISTS (SELECT FROM pgq.workflows AS w WHERE w.id = retry_workflow.workflow_id AND w.stopping)
          OR EXISTS (SELECT FROM pgq.tasks AS t WHERE t.workflow_id = retry_workflow.workflow_id AND t.cancel_requested_at IS NOT NULL) THEN
        PERFORM pgq.refuse_workflow(workflow_id, 'its tasks are being cancelled; retry it when they have ended');
    END IF;

    WITH dead AS (
        DELETE FROM pgq.dead_tasks AS d WHERE d.workflow_id = retry_workflow.workflow_id
        RETURNING d.id, d.lease_epoch, d.created_at, d.run_at, d.timeout_seconds, d.priority, d.max_attempts, d.queue, d.kind, d.tags,
                  d.headers, d.payload, d.error, d.depends_on, d.on_parent_failure, 'dead' AS state
    ), stopped AS (
        DELETE FROM pgq.task_history AS h
        WHERE  h.workflow_id = retry_workflow.workflow_id AND h.state IN ('cancelled', 'expired')
        RETURNING h.id, h.lease_epoch, h.created_at, h.run_at, h.timeout_seconds, h.priority, h.max_attempts, h.queue, h.kind, h.tags,
                  h.headers, h.payload, h.error, h.depends_on, h.on_parent_failure, h.state
    ), back AS MATERIALIZED (
        SELECT b.*, m.position FROM (SELECT * FROM dead UNION ALL SELECT * FROM stopped) AS b
               JOIN pgq.workflow_tasks AS m ON m.task_id = b.id
    ), inserted AS (
        INSERT INTO pgq.tasks (id, lease_epoch, created_at, run_at, timeout_seconds, priority, max_attempts, queue, kind, tags, headers,
                               payload, error, depends_on, on_parent_failure, workflow_id)
        SELECT b.id, b.lease_epoch + 1, b.created_at, greatest(b.run_at, clock_timestamp()), b.timeout_seconds, b.priority,
               b.max_attempts, b.queue, b.kind, b.tags, b.headers, b.payload, b.error, known.parents,
               CASE WHEN known.parents IS NOT NULL THEN b.on_parent_failure END, retry_workflow.workflow_id
        FROM   (SELECT back.* FROM back ORDER BY back.position OFFSET 0) AS b, LATERAL (
               SELECT array_agg(p.id ORDER BY p.k) AS parents
               FROM   unnest(b.depends_on) WITH ORDINALITY AS p (id, k)
               WHERE  EXISTS (SELECT FROM back AS again WHERE again.id = p.id)
                      OR EXISTS (SELECT FROM pgq.tasks AS t WHERE t.id = p.id)
                      OR EXISTS (SELECT FROM pgq.task_history AS h WHERE h.id = p.id)
                      OR EXISTS (SELECT FROM pgq.dead_tasks AS d WHERE d.id = p.id)) AS known
    )
    SELECT count(*) FILTER (WHERE back.state = 'dead'), count(*) FILTER (WHERE back.state = 'cancelled'),
           count(*) FILTER (WHERE back.state = 'expired')
    INTO   buried, ended, was_expired FROM back;
    IF buried + ended + was_expired = 0 THEN
        PERFORM pgq.refuse_workflow(workflow_id, 'nothing of it has failed or was cancelled');
    END IF;
    INSERT INTO pgq.workflow_changes (workflow_id, dead, cancelled, expired, total)
    VALUES (retry_workflow.workflow_id, -buried, -ended, -was_expired, 0);
    PERFORM pgq.reopen_workflow(workflow_id);
    RETURN buried + ended + was_expired;
END
$$;
