-- As settled.sql, for the worker that reports it and for just what it reports: another one's report is no repetition, and neither is
-- another word of the same worker. A task that was to be cancelled ends as such when its attempt fails. A failed attempt is kept
-- also when its task has gone on since; who had a snoozed task is not.
SELECT a.id
FROM   unnest((SELECT %(ids)s::uuid[]), (SELECT %(workers)s::uuid[]), (SELECT %(epochs)s::bigint[]), (SELECT %(ends)s::text[]))
       AS a (id, worker, epoch, said)
WHERE  (EXISTS (SELECT FROM pgq.task_history AS h WHERE h.id = a.id AND h.lease_epoch = a.epoch AND h.leased_by = a.worker
                AND (h.state = 'succeeded') = (a.said = 'completed'))
        OR a.said = 'put back' AND EXISTS (
                SELECT FROM pgq.tasks AS t WHERE t.id = a.id AND t.lease_epoch = a.epoch AND t.state <> 'running'
                AND NOT EXISTS (SELECT FROM pgq.attempts AS f WHERE f.task_id = a.id AND f.lease_epoch = a.epoch))
        OR a.said = 'failed' AND EXISTS (
                SELECT FROM pgq.dead_tasks AS d WHERE d.id = a.id AND d.lease_epoch = a.epoch AND d.leased_by = a.worker)
        OR a.said = 'failed' AND EXISTS (
                SELECT FROM pgq.attempts AS f WHERE f.task_id = a.id AND f.lease_epoch = a.epoch AND f.worker_id = a.worker))
AND    NOT EXISTS (SELECT FROM pgq.attempts AS f WHERE f.task_id = a.id AND f.lease_epoch = a.epoch AND f.error ? 'reaped')
