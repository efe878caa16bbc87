-- In which of these queues is something ready? A few index look-ups a queue, in place of a claim for each who waits.
SELECT q.queue
FROM   unnest(%(queues)s::text[]) AS q (queue)
WHERE  EXISTS (SELECT FROM generate_series(0, 9) AS lane (priority) CROSS JOIN LATERAL (
               SELECT FROM pgq.tasks AS t
               WHERE  t.state = 'pending' AND t.queue = q.queue AND t.priority = lane.priority
               AND    t.run_at <= statement_timestamp()
               ORDER  BY t.run_at, t.id LIMIT 1) AS head)
AND    NOT coalesce((SELECT p.paused_at IS NOT NULL AND coalesce(p.paused_until > statement_timestamp(), true)
                     FROM pgq.queues AS p WHERE p.name = q.queue), false)
