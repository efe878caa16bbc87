-- The few tasks of workflows, and the few that wait for their parents.
CREATE INDEX tasks_workflow ON pgq.tasks (workflow_id) WHERE workflow_id IS NOT NULL;

CREATE INDEX task_history_workflow ON pgq.task_history (workflow_id) WHERE workflow_id IS NOT NULL;

CREATE INDEX dead_tasks_workflow ON pgq.dead_tasks (workflow_id) WHERE workflow_id IS NOT NULL;

CREATE INDEX tasks_blocked ON pgq.tasks (id) WHERE state = 'blocked';
