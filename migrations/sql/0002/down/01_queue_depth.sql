-- How full each queue is. pending = ready + scheduled + retrying; the oldest ready task has waited oldest_ready_seconds.
CREATE OR REPLACE VIEW pgq.queue_depth AS
SELECT coalesce(live.queue, gone.queue, q.name) AS queue,
       coalesce(live.pending, 0) AS pending, coalesce(live.ready, 0) AS ready, coalesce(live.scheduled, 0) AS scheduled,
       coalesce(live.retrying, 0) AS retrying, coalesce(live.blocked, 0) AS blocked, 0::bigint AS waiting,
       coalesce(live.running, 0) AS running, coalesce(gone.dead, 0) AS dead,
       coalesce(live.oldest_ready_seconds, 0) AS oldest_ready_seconds,
       coalesce(q.paused_at IS NOT NULL AND coalesce(q.paused_until > clock_timestamp(), true), false) AS paused
FROM   (SELECT t.queue,
               count(*) FILTER (WHERE t.state = 'pending') AS pending,
               count(*) FILTER (WHERE t.state = 'pending' AND t.run_at <= statement_timestamp()) AS ready,
               count(*) FILTER (WHERE t.state = 'pending' AND t.run_at > statement_timestamp() AND t.attempt = 0) AS scheduled,
               count(*) FILTER (WHERE t.state = 'pending' AND t.run_at > statement_timestamp() AND t.attempt > 0) AS retrying,
               count(*) FILTER (WHERE t.state = 'blocked') AS blocked,
               count(*) FILTER (WHERE t.state = 'running') AS running,
               extract(epoch FROM statement_timestamp() - min(t.run_at) FILTER (
                   WHERE t.state = 'pending' AND t.run_at <= statement_timestamp()))::double precision AS oldest_ready_seconds
        FROM   pgq.tasks AS t GROUP BY t.queue) AS live
       FULL JOIN (SELECT d.queue, count(*) AS dead FROM pgq.dead_tasks AS d GROUP BY d.queue) AS gone ON gone.queue = live.queue
       FULL JOIN pgq.queues AS q ON q.name = coalesce(live.queue, gone.queue);
