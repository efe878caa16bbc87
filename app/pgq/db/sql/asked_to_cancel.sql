-- Which of these attempts somebody asked to be cancelled: what a worker learns that missed the notification.
SELECT t.id
FROM   unnest(%(ids)s::uuid[], %(epochs)s::bigint[]) AS held (id, epoch)
       JOIN pgq.tasks AS t ON t.id = held.id
WHERE  t.leased_by = %(worker)s AND t.lease_epoch = held.epoch AND t.cancel_requested_at IS NOT NULL
