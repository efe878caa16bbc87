-- How long the tasks of the last minutes waited, ran, and took in all: of each queue, and (queue NULL) of all that fit.
SELECT c.queue,
       pgq.quantile(c.wait, 0.5) AS wait_p50, pgq.quantile(c.wait, 0.95) AS wait_p95, pgq.quantile(c.wait, 0.99) AS wait_p99,
       pgq.quantile(c.run, 0.5) AS run_p50, pgq.quantile(c.run, 0.95) AS run_p95, pgq.quantile(c.run, 0.99) AS run_p99,
       pgq.quantile(c.total, 0.5) AS total_p50, pgq.quantile(c.total, 0.95) AS total_p95, pgq.quantile(c.total, 0.99) AS total_p99
FROM  (SELECT m.queue, pgq.sum_histograms(m.wait) AS wait, pgq.sum_histograms(m.run) AS run, pgq.sum_histograms(m.total) AS total
       FROM   pgq.counts_by_minute AS m
       WHERE  m.minute > statement_timestamp() - make_interval(mins => %(minutes)s)
       AND    (CAST(%(visible)s AS text[]) IS NULL OR m.queue LIKE ANY (CAST(%(visible)s AS text[])))
       GROUP  BY GROUPING SETS ((m.queue), ())) AS c
ORDER  BY c.queue NULLS FIRST
