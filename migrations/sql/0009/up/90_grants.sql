-- Submitters name parents; what becomes of them is the door's and the workers' part.
DO $$
DECLARE
    grants CONSTANT text[] := ARRAY[
        ['pgq_submitter', 'INSERT (depends_on, on_parent_failure) ON pgq.tasks'],
        ['pgq_viewer', 'SELECT ON pgq.task_dependencies'],
        ['pgq_worker', 'SELECT, INSERT, UPDATE, DELETE ON pgq.task_dependencies'],
        ['pgq_admin', 'SELECT, INSERT, UPDATE, DELETE ON pgq.task_dependencies, pgq.new_children']];
    granted integer;
BEGIN
    FOR granted IN 1 .. array_length(grants, 1) LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = grants[granted][1]) THEN
            EXECUTE format('GRANT %s TO %I', grants[granted][2], grants[granted][1]);
        END IF;
    END LOOP;
END
$$;
