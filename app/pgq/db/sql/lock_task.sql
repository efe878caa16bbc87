-- The live row of a task, which nobody claims or ends while it is held.
SELECT state, queue, priority, run_at, expires_at FROM pgq.tasks WHERE id = %(id)s FOR UPDATE
