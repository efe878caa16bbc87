-- How full each queue is: counted, or when there are more than a million tasks as the sampler saw it some seconds ago.
CREATE OR REPLACE VIEW pgq.queue_depth AS
SELECT c.queue, c.pending, c.ready, c.scheduled, c.retrying, c.blocked, c.waiting, c.running, c.dead, c.oldest_ready_seconds, c.paused
FROM   pgq.queue_counts AS c
WHERE  NOT (SELECT pgq.answers_from_samples())
UNION  ALL
SELECT s.queue, s.pending, s.ready, s.scheduled, s.retrying, s.blocked, s.waiting, s.running, s.dead, s.oldest_ready_seconds,
       coalesce(q.paused_at IS NOT NULL AND coalesce(q.paused_until > clock_timestamp(), true), false) AS paused
FROM   pgq.queue_samples AS s LEFT JOIN pgq.queues AS q ON q.name = s.queue
WHERE  s.sampled_at = (SELECT max(latest.sampled_at) FROM pgq.queue_samples AS latest) AND (SELECT pgq.answers_from_samples());
