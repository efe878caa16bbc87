-- What workers have published, and how many live workers have each kind now.
SELECT k.kind, k.queue, k.priority, k.max_attempts, k.timeout_seconds, k.payload_schema, k.seen_at,
       (SELECT count(*) FROM pgq.workers AS w
        WHERE  k.kind = ANY (w.kinds) AND w.beat_at > statement_timestamp() - interval '15 s') AS workers
FROM   pgq.kinds AS k
ORDER  BY k.kind
