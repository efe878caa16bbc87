-- Which of these attempts have ended by their own worker's word? For outcomes whose COMMIT got no answer, or that found no row.
-- A failed one is in the attempts also when its task has gone on since: claimed again, or redriven.
SELECT a.id
FROM   unnest((SELECT %(ids)s::uuid[]), (SELECT %(epochs)s::bigint[])) AS a (id, epoch)
WHERE  (EXISTS (SELECT FROM pgq.tasks AS t WHERE t.id = a.id AND t.lease_epoch = a.epoch AND t.state <> 'running')
        OR EXISTS (SELECT FROM pgq.task_history AS h WHERE h.id = a.id AND h.lease_epoch = a.epoch)
        OR EXISTS (SELECT FROM pgq.dead_tasks AS d WHERE d.id = a.id AND d.lease_epoch = a.epoch)
        OR EXISTS (SELECT FROM pgq.attempts AS f WHERE f.task_id = a.id AND f.lease_epoch = a.epoch))
AND    NOT EXISTS (SELECT FROM pgq.attempts AS f WHERE f.task_id = a.id AND f.lease_epoch = a.epoch AND f.error ? 'reaped')
