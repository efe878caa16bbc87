SELECT worker_id, name, state, busy, capacity, utilization, queues, kinds, hostname, pid, version, started_at, beat_at,
       listener, listener_since
FROM   pgq.worker_utilization ORDER BY name, worker_id
