-- A worker that works over HTTP; of others nobody speaks there.
SELECT w.id, w.name, w.token_id, w.queues, w.kinds, w.state = 'draining' AS draining
FROM   pgq.workers AS w WHERE w.id = %(id)s AND w.remote
