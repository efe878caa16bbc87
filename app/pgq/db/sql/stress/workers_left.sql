-- Workers of the queue that have not left.
SELECT count(*) FROM pgq.workers AS w WHERE %(queue)s = ANY (w.queues)
