-- What ever happened, by queue and kind: counts, sums and histograms that never go down, and where the buckets end.
SELECT c.queue, c.kind, c.succeeded, c.failed, c.dead, c.cancelled, c.expired, c.wait_seconds, c.run_seconds, c.wait, c.run,
       pgq.latency_bounds() AS bounds
FROM   pgq.task_counts AS c
ORDER  BY c.queue, c.kind
