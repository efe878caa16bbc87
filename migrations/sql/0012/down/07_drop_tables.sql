DROP TABLE pgq.workflow_changes, pgq.workflow_tasks, pgq.workflows;
