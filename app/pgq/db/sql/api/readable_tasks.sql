-- Those of these tasks that a token may read: in queues like %(queues)s (NULL: in any), and submitted by %(submitted_by)s (NULL: by
-- anybody).
SELECT s.id
FROM   pgq.task_status AS s
WHERE  s.id = ANY (%(ids)s::uuid[])
AND    (%(queues)s::text[] IS NULL OR s.queue LIKE ANY (%(queues)s::text[]))
AND    (%(submitted_by)s::text IS NULL OR s.headers ->> 'submitted_by' = %(submitted_by)s::text)
