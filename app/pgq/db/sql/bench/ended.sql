-- How many tasks have ended.
SELECT count(*) FROM pgq.task_history
