-- A schedule of a user's; no row when the name is taken.
INSERT INTO pgq.schedules (name, cron, timezone, kind, payload, queue, priority, misfire, overlap, jitter_seconds)
VALUES (%(name)s, %(cron)s, %(timezone)s, %(kind)s, %(payload)s::jsonb, %(queue)s, %(priority)s, %(misfire)s, %(overlap)s,
        %(jitter_seconds)s)
ON CONFLICT (name) DO NOTHING
RETURNING name
