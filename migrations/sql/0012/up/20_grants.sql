-- Submitters may add to a workflow whose id they know; what is counted there is the triggers' own.
DO $$
DECLARE
    grants CONSTANT text[] := ARRAY[
        ['pgq_submitter', 'INSERT (workflow_id) ON pgq.tasks'],
        ['pgq_submitter', 'EXECUTE ON FUNCTION pgq.submit_workflow, pgq.add_workflow_tasks, pgq.workflow_elements, pgq.open_workflow, pgq.workflow_fingerprint'],
        ['pgq_viewer', 'SELECT ON pgq.workflow_status, pgq.workflow_tasks'],
        ['pgq_worker', 'SELECT, INSERT, UPDATE, DELETE ON pgq.workflows, pgq.workflow_tasks, pgq.workflow_changes'],
        ['pgq_worker', 'SELECT ON pgq.workflow_status'],
        ['pgq_worker', 'EXECUTE ON FUNCTION pgq.submit_workflow, pgq.add_workflow_tasks, pgq.workflow_elements, pgq.open_workflow, pgq.workflow_fingerprint, pgq.refuse_workflow, pgq.stop_workflow, pgq.cancel_workflow, pgq.reopen_workflow, pgq.retry_workflow'],
        ['pgq_admin', 'SELECT, INSERT, UPDATE, DELETE ON pgq.workflows, pgq.workflow_tasks, pgq.workflow_changes, pgq.workflow_status'],
        ['pgq_admin', 'EXECUTE ON FUNCTION pgq.submit_workflow, pgq.add_workflow_tasks, pgq.workflow_elements, pgq.open_workflow, pgq.workflow_fingerprint, pgq.refuse_workflow, pgq.stop_workflow, pgq.cancel_workflow, pgq.reopen_workflow, pgq.retry_workflow']];
    granted integer;
BEGIN
    REVOKE ALL ON FUNCTION pgq.submit_workflow, pgq.add_workflow_tasks, pgq.workflow_elements, pgq.open_workflow, pgq.workflow_fingerprint, pgq.refuse_workflow,
        pgq.stop_workflow, pgq.cancel_workflow, pgq.reopen_workflow, pgq.retry_workflow, pgq.join_workflow, pgq.count_ended, pgq.count_dead,
        pgq.note_move
        FROM PUBLIC;
    FOR granted IN 1 .. array_length(grants, 1) LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = grants[granted][1]) THEN
            EXECUTE format('GRANT %s TO %I', grants[granted][2], grants[granted][1]);
        END IF;
    END LOOP;
END
$$;
