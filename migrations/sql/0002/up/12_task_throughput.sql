-- How many attempts ended in each minute: succeeded, failed with another one to follow, or dead. Each is counted once.
CREATE VIEW pgq.task_throughput AS
SELECT c.minute, c.queue, c.kind, sum(c.succeeded)::bigint AS succeeded, sum(c.failed)::bigint AS failed,
       sum(c.dead)::bigint AS dead, sum(c.cancelled)::bigint AS cancelled, sum(c.expired)::bigint AS expired
FROM   pgq.counts_by_minute AS c
GROUP  BY c.minute, c.queue, c.kind;
