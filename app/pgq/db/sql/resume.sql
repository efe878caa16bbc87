-- End a queue's pause and wake its workers; no row when it was not paused.
UPDATE pgq.queues AS q SET paused_at = NULL, paused_until = NULL
WHERE  q.name = %(queue)s AND q.paused_at IS NOT NULL
RETURNING pg_notify('pgq_ready', q.name)
