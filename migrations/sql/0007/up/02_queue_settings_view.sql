-- What is set of the queues, for those who may not read the table.
CREATE VIEW pgq.queue_settings AS
SELECT q.name AS queue, q.paused_at, q.paused_until, q.max_depth, q.timeout_seconds, q.retention_seconds
FROM   pgq.queues AS q;
