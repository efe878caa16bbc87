-- Replace a user's schedule; what the scheduler knows of it, and its pause, stay. No row when code owns the name, or nobody.
UPDATE pgq.schedules AS s
SET    cron = %(cron)s, timezone = %(timezone)s, kind = %(kind)s, payload = %(payload)s::jsonb, queue = %(queue)s,
       priority = %(priority)s, misfire = %(misfire)s, overlap = %(overlap)s, jitter_seconds = %(jitter_seconds)s, source = 'user',
       seen_at = NULL
WHERE  s.name = %(name)s
AND    (s.source = 'user' OR s.seen_at < clock_timestamp() - make_interval(secs => %(alive)s))
RETURNING name
