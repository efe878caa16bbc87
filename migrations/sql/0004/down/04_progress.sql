ALTER TABLE pgq.tasks DROP COLUMN progress;
