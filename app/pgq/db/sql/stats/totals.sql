-- What ever ended in queues that fit a pattern (NULL: in all), and the averages over it.
-- An attempt is counted once in succeeded, failed or dead; of these are wait and run. Of the tasks that ended is total.
SELECT coalesce(sum(c.succeeded), 0)::bigint AS succeeded, coalesce(sum(c.failed), 0)::bigint AS failed,
       coalesce(sum(c.dead), 0)::bigint AS dead, coalesce(sum(c.cancelled), 0)::bigint AS cancelled,
       coalesce(sum(c.expired), 0)::bigint AS expired,
       sum(c.wait_seconds) / nullif(sum((SELECT sum(n) FROM unnest(c.wait) AS n)), 0)::float8 AS wait_mean,
       sum(c.run_seconds) / nullif(sum((SELECT sum(n) FROM unnest(c.run) AS n)), 0)::float8 AS run_mean,
       sum(c.total_seconds) / nullif(sum((SELECT sum(n) FROM unnest(c.total) AS n)), 0)::float8 AS total_mean
FROM   pgq.task_counts AS c
WHERE  CAST(%(visible)s AS text[]) IS NULL OR c.queue LIKE ANY (CAST(%(visible)s AS text[]))
