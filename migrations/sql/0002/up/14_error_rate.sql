-- What fails, by queue, over the last hour: the share of attempts that failed, and the tasks that died. A queue in which
-- nothing ended is not shown.
CREATE VIEW pgq.error_rate AS
SELECT c.queue, coalesce((sum(c.failed) + sum(c.dead)) / nullif(sum(c.succeeded) + sum(c.failed) + sum(c.dead), 0),
                         0)::double precision AS failure_ratio,
       sum(c.dead)::bigint AS dead_per_hour
FROM   pgq.counts_by_minute AS c
WHERE  c.minute > statement_timestamp() - interval '1 h'
GROUP  BY c.queue;
