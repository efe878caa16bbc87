-- The queues with anything in them or set of them, or the one that is asked for, which needs neither.
SELECT coalesce(d.queue, asked.queue) AS queue, coalesce(d.pending, 0) AS pending, coalesce(d.ready, 0) AS ready,
       coalesce(d.scheduled, 0) AS scheduled, coalesce(d.retrying, 0) AS retrying, coalesce(d.blocked, 0) AS blocked,
       coalesce(d.waiting, 0) AS waiting, coalesce(d.running, 0) AS running, coalesce(d.dead, 0) AS dead,
       coalesce(d.oldest_ready_seconds, 0) AS oldest_ready_seconds, coalesce(d.paused, false) AS paused,
       CASE WHEN d.paused THEN s.paused_until END AS paused_until, s.max_depth, s.timeout_seconds, s.retention_seconds
FROM   (SELECT CAST(%(queue)s AS text) AS queue) AS asked
       LEFT JOIN pgq.queue_depth AS d ON asked.queue IS NULL OR d.queue = asked.queue
       LEFT JOIN pgq.queue_settings AS s ON s.queue = d.queue
WHERE  coalesce(d.queue, asked.queue) IS NOT NULL
ORDER  BY 1
