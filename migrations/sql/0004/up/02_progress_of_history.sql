-- A task that has ended keeps the last progress of its last attempt.
ALTER TABLE pgq.task_history ADD COLUMN progress jsonb;
