-- Whether these queues hold nothing more to wait for: no task that is ready, running or retrying. What is scheduled for
-- later is left, and so is what cannot start because its queue is paused.
SELECT NOT EXISTS (
           SELECT FROM pgq.tasks AS t WHERE t.state = 'running' AND t.queue = ANY (%(queues)s::text[]))
       AND NOT EXISTS (
           SELECT FROM pgq.tasks AS t
           WHERE  t.state = 'pending' AND t.queue = ANY (%(queues)s::text[])
           AND    (t.run_at <= statement_timestamp() OR t.attempt > 0)
           AND    (t.expires_at IS NULL OR t.expires_at > statement_timestamp())
           AND    NOT EXISTS (SELECT FROM pgq.queues AS q WHERE q.name = t.queue AND q.paused_at IS NOT NULL
                              AND coalesce(q.paused_until > statement_timestamp(), true)))
