-- What ever happened, by queue and kind, up to this moment: counts and histograms that never go down.
CREATE VIEW pgq.task_counts AS
SELECT c.queue, c.kind, sum(c.succeeded)::bigint AS succeeded, sum(c.failed)::bigint AS failed, sum(c.dead)::bigint AS dead,
       sum(c.cancelled)::bigint AS cancelled, sum(c.expired)::bigint AS expired, sum(c.wait_seconds) AS wait_seconds,
       sum(c.run_seconds) AS run_seconds, sum(c.total_seconds) AS total_seconds, pgq.sum_histograms(c.wait) AS wait,
       pgq.sum_histograms(c.run) AS run, pgq.sum_histograms(c.total) AS total
FROM   (SELECT t.queue, t.kind, t.succeeded, t.failed, t.dead, t.cancelled, t.expired, t.wait_seconds, t.run_seconds,
               t.total_seconds, t.wait, t.run, t.total
        FROM   pgq.task_totals AS t
        UNION ALL
        SELECT s.queue, s.kind, s.succeeded, s.failed, s.dead, s.cancelled, s.expired, s.wait_seconds, s.run_seconds,
               s.total_seconds, s.wait, s.run, s.total
        FROM   pgq.task_stats AS s) AS c
GROUP  BY c.queue, c.kind;
