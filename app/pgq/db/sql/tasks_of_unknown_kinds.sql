-- The tasks that the undertaker's batch would take: to bury them one by one when the batch as a whole fails.
SELECT t.id FROM pgq.tasks AS t LEFT JOIN pgq.kinds AS k ON k.kind = t.kind
WHERE  t.state = 'pending'
AND    greatest(t.run_at, t.created_at, k.seen_at) < clock_timestamp() - make_interval(secs => %(grace)s)
AND    NOT EXISTS (SELECT FROM pgq.workers AS w WHERE w.beat_at > clock_timestamp() - interval '15 s'
                   AND (t.kind = ANY (w.kinds) OR w.kinds = '{}' AND t.queue = ANY (w.queues)))
ORDER  BY t.id LIMIT 1000
