-- Which of these attempts somebody asked to be cancelled: what a worker learns that missed the notification.
-- Looked up as in finish.sql.
SELECT t.id
FROM   unnest((SELECT %(ids)s::uuid[]), (SELECT %(epochs)s::bigint[])) AS held (id, epoch)
       CROSS JOIN LATERAL (
       SELECT r.id FROM pgq.tasks AS r
       WHERE  r.id = held.id AND r.leased_by = %(worker)s AND r.lease_epoch = held.epoch AND r.cancel_requested_at IS NOT NULL
       OFFSET 0) AS t
