DROP INDEX pgq.tasks_workflow, pgq.tasks_blocked, pgq.dead_tasks_workflow, pgq.task_history_workflow;
