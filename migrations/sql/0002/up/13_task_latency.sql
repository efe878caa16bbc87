-- How long tasks waited from due to start, ran, and took in all from their submit to their end: half of those that ended in
-- this minute took at most p50, and so on. As exact as the buckets of pgq.latency_bounds(); NULL where there were none.
CREATE VIEW pgq.task_latency AS
SELECT c.minute, c.queue,
       pgq.quantile(c.wait, 0.5) AS wait_p50_seconds, pgq.quantile(c.wait, 0.95) AS wait_p95_seconds, pgq.quantile(c.wait, 0.99) AS wait_p99_seconds,
       pgq.quantile(c.run, 0.5) AS run_p50_seconds, pgq.quantile(c.run, 0.95) AS run_p95_seconds, pgq.quantile(c.run, 0.99) AS run_p99_seconds,
       pgq.quantile(c.total, 0.5) AS total_p50_seconds, pgq.quantile(c.total, 0.95) AS total_p95_seconds, pgq.quantile(c.total, 0.99) AS total_p99_seconds
FROM   (SELECT m.minute, m.queue, pgq.sum_histograms(m.wait) AS wait, pgq.sum_histograms(m.run) AS run,
               pgq.sum_histograms(m.total) AS total
        FROM   pgq.counts_by_minute AS m
        GROUP  BY m.minute, m.queue) AS c;
