-- The dead letters, with the error that buried each.
CREATE VIEW pgq.dead_letters AS
SELECT d.id, d.kind, d.queue, d.payload, d.priority, d.attempt, d.max_attempts, d.created_at, d.finished_at AS dead_at,
       d.error ->> 'type' AS error_type, d.error ->> 'message' AS error_message, d.error, d.tags, d.headers
FROM   pgq.dead_tasks AS d;
