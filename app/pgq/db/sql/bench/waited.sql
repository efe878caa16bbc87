-- How long a task that has ended waited for its start, in seconds.
SELECT extract(epoch FROM h.started_at - h.created_at)::float8 FROM pgq.task_history AS h WHERE h.id = %(id)s
