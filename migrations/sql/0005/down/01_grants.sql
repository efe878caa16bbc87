DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgq_viewer') THEN
        REVOKE SELECT ON pgq.tasks, pgq.task_history, pgq.dead_tasks, pgq.attempts FROM pgq_viewer;
    END IF;
END
$$;
