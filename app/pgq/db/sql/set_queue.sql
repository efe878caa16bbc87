-- Set what is named in %(given)s, and leave the rest of the queue as it is.
INSERT INTO pgq.queues AS q (name, max_depth, timeout_seconds, retention_seconds)
VALUES (%(queue)s, %(max_depth)s, %(timeout_seconds)s, %(retention_seconds)s)
ON CONFLICT (name) DO UPDATE SET
    max_depth = CASE WHEN 'max_depth' = ANY (%(given)s::text[]) THEN excluded.max_depth ELSE q.max_depth END,
    timeout_seconds = CASE WHEN 'timeout_seconds' = ANY (%(given)s::text[]) THEN excluded.timeout_seconds ELSE q.timeout_seconds END,
    retention_seconds = CASE WHEN 'retention_seconds' = ANY (%(given)s::text[]) THEN excluded.retention_seconds ELSE q.retention_seconds END
