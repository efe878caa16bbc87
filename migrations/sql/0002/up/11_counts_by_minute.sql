-- What happened in each minute, by queue and kind, the current minute included: what the views below read.
CREATE VIEW pgq.counts_by_minute AS
SELECT m.minute, m.queue, m.kind, m.succeeded, m.failed, m.dead, m.cancelled, m.expired, m.wait, m.run, m.total
FROM   pgq.task_minutes AS m
UNION  ALL
SELECT s.minute, s.queue, s.kind, s.succeeded, s.failed, s.dead, s.cancelled, s.expired, s.wait, s.run, s.total
FROM   pgq.task_stats AS s;
