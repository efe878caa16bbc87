ALTER TABLE pgq.dead_tasks ADD COLUMN progress jsonb;
