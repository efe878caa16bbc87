-- Each round begins with empty tables.
TRUNCATE pgq.tasks, pgq.task_history
