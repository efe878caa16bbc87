-- Wake the workers of a queue.
SELECT pg_notify('pgq_ready', %(queue)s)
