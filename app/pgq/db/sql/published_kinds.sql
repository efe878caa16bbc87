-- What a bulk submit must know before it fills in its handlers' defaults: the database's clock (delays count from it),
-- what workers publish for these kinds, and the timeouts of queues (both come before a handler's own defaults).
SELECT clock_timestamp(),
       (SELECT coalesce(jsonb_object_agg(k.kind, to_jsonb(k) - 'payload_schema'), '{}')::text
        FROM   pgq.kinds AS k WHERE k.kind = ANY (CAST(%(kinds)s AS text[]))),
       (SELECT coalesce(jsonb_object_agg(q.name, q.timeout_seconds), '{}')::text
        FROM   pgq.queues AS q WHERE q.timeout_seconds IS NOT NULL)
