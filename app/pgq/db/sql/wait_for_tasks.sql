-- From here on, whoever submits to these queues notifies. Said again now and then, in case it was forgotten meanwhile.
INSERT INTO pgq.waiting_workers (worker_id, queues)
SELECT w.id, %(queues)s FROM pgq.workers AS w WHERE w.id = %(id)s
ON CONFLICT (worker_id) DO NOTHING
