-- The share of attempts that failed in the last hour, and the tasks that died, in queues that fit a pattern (NULL: in all).
SELECT coalesce((sum(t.failed) + sum(t.dead)) / nullif(sum(t.succeeded) + sum(t.failed) + sum(t.dead), 0), 0)::float8 AS failure_ratio,
       coalesce(sum(t.dead), 0)::bigint AS dead_per_hour
FROM   pgq.task_throughput AS t
WHERE  t.minute > statement_timestamp() - interval '1 h'
AND    (CAST(%(visible)s AS text[]) IS NULL OR t.queue LIKE ANY (CAST(%(visible)s AS text[])))
