-- The new functions, and what lists need: they page over the tables, because nothing of ORDER BY … LIMIT reaches the tables
-- below a view. A viewer sees no more there than in pgq.task_status.
DO $$
DECLARE
    grants CONSTANT text[] := ARRAY[
        ['pgq_submitter', 'EXECUTE ON FUNCTION pgq.refuse_at, pgq.refuse_wrong_type'],
        ['pgq_worker', 'EXECUTE ON FUNCTION pgq.refuse_at, pgq.refuse_wrong_type'],
        ['pgq_admin', 'EXECUTE ON FUNCTION pgq.refuse_at, pgq.refuse_wrong_type'],
        ['pgq_viewer', 'SELECT ON pgq.tasks, pgq.task_history, pgq.dead_tasks, pgq.attempts']];
    granted integer;
BEGIN
    REVOKE ALL ON FUNCTION pgq.refuse_at, pgq.refuse_wrong_type FROM PUBLIC;
    FOR granted IN 1 .. array_length(grants, 1) LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = grants[granted][1]) THEN
            EXECUTE format('GRANT %s TO %I', grants[granted][2], grants[granted][1]);
        END IF;
    END LOOP;
END
$$;
