-- Workers claim nothing from the queue until it is resumed, or until a moment (a time, or seconds from now).
INSERT INTO pgq.queues AS q (name, paused_at, paused_until)
VALUES (%(queue)s, clock_timestamp(), coalesce(%(until)s::timestamptz, clock_timestamp() + make_interval(secs => %(seconds)s::float8)))
ON CONFLICT (name) DO UPDATE SET paused_at = excluded.paused_at, paused_until = excluded.paused_until
RETURNING paused_until
