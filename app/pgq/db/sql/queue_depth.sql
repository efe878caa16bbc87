SELECT queue, pending, ready, scheduled, retrying, blocked, waiting, running, dead, oldest_ready_seconds, paused
FROM   pgq.queue_depth ORDER BY queue
