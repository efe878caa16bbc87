CREATE INDEX CONCURRENTLY dead_tasks_workflow ON pgq.dead_tasks (workflow_id) WHERE workflow_id IS NOT NULL;
