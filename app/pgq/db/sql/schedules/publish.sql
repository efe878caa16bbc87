-- Have what a worker's code declares in the table; a user's schedule of the same name stays as it is. A pause stays too.
-- Sorted, against deadlocks.
INSERT INTO pgq.schedules AS s (name, cron, timezone, kind, payload, queue, priority, misfire, overlap, jitter_seconds, source, seen_at)
SELECT p.name, p.cron, p.timezone, p.kind, p.payload, p.queue, p.priority, p.misfire, p.overlap, p.jitter_seconds, 'code',
       clock_timestamp()
FROM   jsonb_to_recordset(%(schedules)s::jsonb) AS p (name text, cron text, timezone text, kind text, payload jsonb, queue text,
           priority integer, misfire text, overlap text, jitter_seconds double precision)
ORDER  BY p.name
ON CONFLICT (name) DO UPDATE SET cron = excluded.cron, timezone = excluded.timezone, kind = excluded.kind,
       payload = excluded.payload, queue = excluded.queue, priority = excluded.priority, misfire = excluded.misfire,
       overlap = excluded.overlap, jitter_seconds = excluded.jitter_seconds, seen_at = clock_timestamp()
WHERE  s.source = 'code'
AND    (s.cron, s.timezone, s.kind, s.payload, s.queue, s.priority, s.misfire, s.overlap, s.jitter_seconds) IS DISTINCT FROM
       (excluded.cron, excluded.timezone, excluded.kind, excluded.payload, excluded.queue, excluded.priority, excluded.misfire,
        excluded.overlap, excluded.jitter_seconds)
