-- Put a task that waits into another lane, or to another time. Never to a time that has passed: workers have read their
-- lanes up to about now, and would find it only in their next sweep.
UPDATE pgq.tasks
SET    priority = %(priority)s, queue = %(queue)s,
       run_at = greatest(CAST(%(run_at)s AS timestamptz), clock_timestamp())
WHERE  id = %(id)s
RETURNING run_at <= clock_timestamp() AND state = 'pending'
