-- The rights on the view that was made anew.
DO $$
DECLARE
    grants CONSTANT text[] := ARRAY[
        ['pgq_viewer', 'SELECT ON pgq.task_status'],
        ['pgq_worker', 'SELECT ON pgq.task_status'],
        ['pgq_admin', 'SELECT, INSERT, UPDATE, DELETE ON pgq.task_status']];
BEGIN
    FOR granted IN 1 .. array_length(grants, 1) LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = grants[granted][1]) THEN
            EXECUTE format('GRANT %s TO %I', grants[granted][2], grants[granted][1]);
        END IF;
    END LOOP;
END
$$;
