ALTER TABLE pgq.task_history DROP COLUMN progress;
