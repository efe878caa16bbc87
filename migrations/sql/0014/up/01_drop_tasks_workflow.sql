-- Half made, if this revision was broken off; so for the others.
DROP INDEX CONCURRENTLY IF EXISTS pgq.tasks_workflow;
