-- Tasks that wait to be cancelled while they run, and were not told yet.
SELECT t.id FROM pgq.tasks AS t
WHERE  t.state = 'running' AND t.queue = %(queue)s AND t.kind = %(kind)s AND t.cancel_requested_at IS NULL
ORDER  BY t.id
