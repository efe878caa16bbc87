-- The schedules that are not paused and do not fire as they should: why, how late they are, and how long no live worker
-- has had in its code those that code declares.
SELECT s.name, s.error, since.late, since.unseen
FROM   pgq.schedules AS s
       CROSS JOIN LATERAL (
         SELECT extract(epoch FROM clock_timestamp() - coalesce(s.due_at, s.updated_at))::float8 AS late,
                CASE s.source WHEN 'code' THEN extract(epoch FROM clock_timestamp() - s.seen_at)::float8 END AS unseen
       ) AS since
WHERE  s.paused_at IS NULL
AND    (s.error IS NOT NULL OR since.late > %(late)s OR since.unseen > %(alive)s)
ORDER  BY s.name
