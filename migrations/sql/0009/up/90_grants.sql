-- Submitters name parents; what becomes of them is the door's and the workers' part. Triggers run with the rights of their owner.
DO $$
DECLARE
    functions CONSTANT text := 'pgq.parent_states, pgq.end_waiting, pgq.settle_parents, pgq.release_children, pgq.settle_children, '
                               'pgq.wait_again, pgq.unblock_stranded, pgq.cancel_tasks';
    triggers CONSTANT text := 'pgq.await_parents, pgq.note_children, pgq.look_after_children';
    grants CONSTANT text[] := ARRAY[
        ['pgq_submitter', 'INSERT (depends_on, on_parent_failure) ON pgq.tasks'],
        ['pgq_worker', 'SELECT, INSERT, UPDATE, DELETE ON pgq.task_dependencies'],
        ['pgq_worker', 'EXECUTE ON FUNCTION ' || functions || ', ' || triggers],
        ['pgq_admin', 'SELECT, INSERT, UPDATE, DELETE ON pgq.task_dependencies, pgq.new_children'],
        ['pgq_admin', 'EXECUTE ON FUNCTION ' || functions || ', ' || triggers]];
    granted integer;
BEGIN
    EXECUTE format('REVOKE ALL ON FUNCTION %s, %s FROM PUBLIC', functions, triggers);
    FOR granted IN 1 .. array_length(grants, 1) LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = grants[granted][1]) THEN
            EXECUTE format('GRANT %s TO %I', grants[granted][2], grants[granted][1]);
        END IF;
    END LOOP;
END
$$;
