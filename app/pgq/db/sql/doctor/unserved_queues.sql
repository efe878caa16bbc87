-- Tasks of kinds that live workers have, in queues that none of those serves.
SELECT t.queue, count(*) FROM pgq.tasks AS t
WHERE  t.state = 'pending'
AND    EXISTS (SELECT FROM pgq.workers AS w WHERE w.beat_at >= clock_timestamp() - interval '15 s' AND t.kind = ANY (w.kinds))
AND    NOT EXISTS (SELECT FROM pgq.workers AS w WHERE w.beat_at >= clock_timestamp() - interval '15 s'
                   AND (t.kind = ANY (w.kinds) OR w.kinds = '{}') AND t.queue = ANY (w.queues))
GROUP  BY t.queue ORDER BY t.queue
