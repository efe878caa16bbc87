INSERT INTO pgq.workers (id, name, hostname, pid, version, queues, kinds, capacity)
VALUES (%(id)s, %(name)s, %(hostname)s, %(pid)s, %(version)s, %(queues)s, %(kinds)s, %(capacity)s)
ON CONFLICT (id) DO UPDATE SET beat_at = clock_timestamp()
