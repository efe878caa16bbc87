ALTER TABLE pgq.queues DROP COLUMN max_depth, DROP COLUMN retention_seconds, DROP COLUMN history_pruned_before;
