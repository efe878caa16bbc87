-- What decides over a failed attempt: how many came before, and whether its cancellation is asked for. Looked up as in finish.sql.
SELECT t.id, t.attempt, t.max_attempts, t.cancel_requested_at IS NOT NULL AS cancel_requested
FROM   unnest((SELECT %(ids)s::uuid[]), (SELECT %(workers)s::uuid[]), (SELECT %(epochs)s::bigint[])) AS held (id, worker, epoch)
       CROSS JOIN LATERAL (
       SELECT r.id, r.attempt, r.max_attempts, r.cancel_requested_at FROM pgq.tasks AS r
       WHERE  r.id = held.id AND r.leased_by = held.worker AND r.lease_epoch = held.epoch OFFSET 0) AS t
