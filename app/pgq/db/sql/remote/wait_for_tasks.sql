-- From here on, whoever submits to the queues of these workers notifies. Said again now and then, in case it was forgotten.
INSERT INTO pgq.waiting_workers (worker_id, queues)
SELECT w.id, w.queues FROM pgq.workers AS w WHERE w.id = ANY (%(ids)s::uuid[]) ORDER BY w.id
ON CONFLICT (worker_id) DO NOTHING
