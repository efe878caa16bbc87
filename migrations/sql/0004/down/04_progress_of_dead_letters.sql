ALTER TABLE pgq.dead_tasks DROP COLUMN progress;
