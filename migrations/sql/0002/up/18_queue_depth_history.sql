-- How full each queue was, every ten seconds.
CREATE VIEW pgq.queue_depth_history AS
SELECT s.sampled_at, s.queue, s.pending, s.ready, s.scheduled, s.retrying, s.blocked, s.waiting, s.running, s.dead,
       s.oldest_ready_seconds, s.paused
FROM   pgq.queue_samples AS s;
