-- As settled.sql, each for the worker that reports it: another one's report is no repetition. Who had a snoozed task is not kept.
SELECT a.id
FROM   unnest((SELECT %(ids)s::uuid[]), (SELECT %(workers)s::uuid[]), (SELECT %(epochs)s::bigint[])) AS a (id, worker, epoch)
WHERE  (EXISTS (SELECT FROM pgq.tasks AS t WHERE t.id = a.id AND t.lease_epoch = a.epoch AND t.state <> 'running'
                AND NOT EXISTS (SELECT FROM pgq.attempts AS f WHERE f.task_id = a.id AND f.lease_epoch = a.epoch))
        OR EXISTS (SELECT FROM pgq.task_history AS h WHERE h.id = a.id AND h.lease_epoch = a.epoch AND h.leased_by = a.worker)
        OR EXISTS (SELECT FROM pgq.dead_tasks AS d WHERE d.id = a.id AND d.lease_epoch = a.epoch AND d.leased_by = a.worker)
        OR EXISTS (SELECT FROM pgq.attempts AS f WHERE f.task_id = a.id AND f.lease_epoch = a.epoch AND f.worker_id = a.worker))
AND    NOT EXISTS (SELECT FROM pgq.attempts AS f WHERE f.task_id = a.id AND f.lease_epoch = a.epoch AND f.error ? 'reaped')
