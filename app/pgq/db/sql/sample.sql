-- Write down how full each queue is. Runs only under the turn that pgq.take_turn() gave.
WITH taken AS (
    INSERT INTO pgq.queue_samples (
        sampled_at, queue, pending, ready, scheduled, retrying, blocked, waiting, running, dead, oldest_ready_seconds, paused)
    SELECT statement_timestamp(), c.queue, c.pending, c.ready, c.scheduled, c.retrying, c.blocked, c.waiting, c.running, c.dead,
           c.oldest_ready_seconds, c.paused
    FROM   pgq.queue_counts AS c
    WHERE  current_setting('pgq.turn', true) = 'sampler'
    RETURNING 1
)
SELECT count(*) AS changed, '{}'::uuid[] AS ids, pgq.end_turn('sampler', count(*)) FROM taken
