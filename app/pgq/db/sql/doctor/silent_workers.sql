-- Workers that neither beat nor left.
SELECT w.name, w.hostname, w.pid, extract(epoch FROM clock_timestamp() - w.beat_at)::float8 AS silent
FROM   pgq.workers AS w WHERE w.beat_at < clock_timestamp() - interval '15 s' ORDER BY w.beat_at
