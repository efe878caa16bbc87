-- Lines of a task's log, in order, from behind a place on: an attempt's number and the line's.
SELECT l.task_id, l.lease_epoch, l.attempt, l.n, l.logged_at, l.level, l.logger, l.message
FROM   pgq.task_logs AS l
WHERE  l.task_id = %(id)s AND (l.lease_epoch, l.n) > (%(epoch)s::bigint, %(n)s::integer)
ORDER  BY l.lease_epoch, l.n
LIMIT  %(limit)s
