-- Live workers that notifications do not reach, and for how long; a connection may take a while to come back.
SELECT w.name, w.hostname, w.pid, w.listener, extract(epoch FROM clock_timestamp() - w.listener_since)::float8 AS since
FROM   pgq.workers AS w
WHERE  w.beat_at >= clock_timestamp() - interval '15 s'
AND    (w.listener = 'polling'
        OR w.listener = 'reconnecting' AND w.listener_since < clock_timestamp() - make_interval(secs => %(patience)s))
ORDER  BY w.listener, w.listener_since
