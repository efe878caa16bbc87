DROP FUNCTION pgq.retry_workflow, pgq.reopen_workflow, pgq.cancel_workflow, pgq.stop_workflow, pgq.submit_workflow, pgq.add_workflow_tasks,
    pgq.workflow_elements, pgq.open_workflow, pgq.workflow_fingerprint, pgq.refuse_workflow;
