-- Is one of these ids a task's, wherever its row is?
SELECT EXISTS (SELECT FROM pgq.tasks AS t WHERE t.id = ANY (%(ids)s::uuid[]))
    OR EXISTS (SELECT FROM pgq.dead_tasks AS d WHERE d.id = ANY (%(ids)s::uuid[]))
    OR EXISTS (SELECT FROM pgq.task_history AS h WHERE h.id = ANY (%(ids)s::uuid[]))
