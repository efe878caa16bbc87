-- Cancel tasks, all at once: one that has ended is refused, as pgq.cancel() refuses it. One refusal undoes them all: bisect then.
SELECT coalesce(c.answer, pgq.cancel(a.id))
FROM   unnest(%(ids)s::uuid[]) AS a (id) LEFT JOIN pgq.cancel_tasks(%(ids)s::uuid[]) AS c ON c.id = a.id
