-- The few tasks of workflows.
CREATE INDEX CONCURRENTLY tasks_workflow ON pgq.tasks (workflow_id) WHERE workflow_id IS NOT NULL;
