TRUNCATE bare_tasks, pgq.tasks
