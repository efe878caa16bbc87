-- What ended in each of the last minutes, the current one included, in queues that fit a pattern (NULL: in all).
SELECT t.minute, sum(t.succeeded)::bigint AS succeeded, sum(t.failed)::bigint AS failed, sum(t.dead)::bigint AS dead,
       sum(t.cancelled)::bigint AS cancelled, sum(t.expired)::bigint AS expired
FROM   pgq.task_throughput AS t
WHERE  t.minute > statement_timestamp() - make_interval(mins => %(minutes)s)
AND    (CAST(%(visible)s AS text[]) IS NULL OR t.queue LIKE ANY (CAST(%(visible)s AS text[])))
GROUP  BY t.minute
ORDER  BY t.minute
