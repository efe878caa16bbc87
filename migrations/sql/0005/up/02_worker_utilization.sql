-- How busy each live worker is, and whether it is woken by notifications. One that has been silent for 15 seconds is not shown.
CREATE OR REPLACE VIEW pgq.worker_utilization AS
SELECT w.id AS worker_id, w.name, coalesce(held.busy, 0) AS busy, w.capacity,
       coalesce(held.busy, 0) / w.capacity::double precision AS utilization,
       w.hostname, w.pid, w.version, w.queues, w.kinds, w.state, w.started_at, w.beat_at,
       w.listener, w.listener_since
FROM   pgq.workers AS w
       LEFT JOIN (SELECT t.leased_by, count(*) AS busy FROM pgq.tasks AS t WHERE t.state = 'running' GROUP BY t.leased_by) AS held
       ON held.leased_by = w.id
WHERE  w.beat_at > clock_timestamp() - interval '15 s';
