-- Who may do what with the log: as with the attempts, whoever only views is not shown what handlers said.
DO $$
DECLARE
    grants CONSTANT text[] := ARRAY[
        ['pgq_worker', 'SELECT, INSERT, DELETE ON pgq.task_logs'],
        ['pgq_admin', 'SELECT, INSERT, UPDATE, DELETE ON pgq.task_logs']];
BEGIN
    FOR granted IN 1 .. array_length(grants, 1) LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = grants[granted][1]) THEN
            EXECUTE format('GRANT %s TO %I', grants[granted][2], grants[granted][1]);
        END IF;
    END LOOP;
END
$$;
