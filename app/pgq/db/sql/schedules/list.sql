-- Newest first, behind (created_at, name); `task_queue` is where the tasks go. Patterns: who asks may see no other queue.
SELECT s.name, s.cron, s.timezone, s.kind, s.payload::text AS payload, s.queue, s.priority, s.misfire, s.overlap,
       s.jitter_seconds, s.source, s.paused_at, s.next_tick_at, s.last_tick_at, s.last_task_id, s.error, s.error_at,
       s.seen_at, s.created_at, s.updated_at, coalesce(s.queue, k.queue, 'default') AS task_queue,
       clock_timestamp() AS read_at
FROM   pgq.schedules AS s
       LEFT JOIN pgq.kinds AS k ON k.kind = s.kind
WHERE  (%(before_at)s::timestamptz IS NULL OR (s.created_at, s.name) < (%(before_at)s, %(before_name)s::text))
AND    (%(name)s::text IS NULL OR s.name = %(name)s)
AND    (%(likes)s::text[] IS NULL OR coalesce(s.queue, k.queue, 'default') LIKE ANY (%(likes)s))
ORDER  BY s.created_at DESC, s.name DESC
LIMIT  %(limit)s
