-- Tell every submitter what this worker's handlers say: defaults and the payload's JSON Schema. Sorted, against deadlocks.
INSERT INTO pgq.kinds AS k (kind, queue, priority, max_attempts, timeout_seconds, payload_schema)
SELECT p.kind, p.queue, p.priority, p.max_attempts, p.timeout_seconds, p.payload_schema
FROM   jsonb_to_recordset(%(kinds)s::jsonb) AS p (kind text, queue text, priority integer, max_attempts integer,
                                                 timeout_seconds float8, payload_schema jsonb)
ORDER  BY p.kind
ON CONFLICT (kind) DO UPDATE SET queue = excluded.queue, priority = excluded.priority, max_attempts = excluded.max_attempts,
       timeout_seconds = excluded.timeout_seconds, payload_schema = excluded.payload_schema, seen_at = clock_timestamp()
