DROP INDEX CONCURRENTLY IF EXISTS pgq.dead_tasks_workflow;
