-- The worker is to claim no more.
UPDATE pgq.workers SET state = 'draining' WHERE id = %(id)s AND remote
