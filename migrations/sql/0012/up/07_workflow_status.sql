-- Every workflow as it is at this moment. It runs while one of its tasks has not ended; then it has failed if one is dead or
-- expired. `queues`: those that its tasks were submitted or moved to; a name may stand there twice.
CREATE VIEW pgq.workflow_status AS
SELECT w.id, w.name,
       CASE WHEN n.ended < n.total OR n.total = 0 THEN 'running'
            WHEN w.cancel_requested_at IS NOT NULL AND n.cancelled > 0 THEN 'cancelled'
            WHEN n.dead + n.expired > 0 THEN 'failed'
            WHEN n.cancelled > 0 THEN 'cancelled'
            ELSE 'succeeded' END AS state,
       w.on_failure, w.created_at,
       CASE WHEN n.ended >= n.total THEN n.ended_at END AS finished_at,
       w.cancel_requested_at, n.total, n.ended,
       n.total - n.ended AS live, n.succeeded, n.cancelled, n.expired, n.dead,
       CASE WHEN n.total > 0 THEN n.ended / n.total::double precision ELSE 0 END AS progress,
       n.queues, w.stopped_at
FROM   pgq.workflows AS w
       CROSS JOIN LATERAL (
       SELECT (w.total + coalesce(sum(c.total), 0))::integer AS total,
              (w.succeeded + w.cancelled + w.expired + w.dead
               + coalesce(sum(c.succeeded + c.cancelled + c.expired + c.dead), 0))::integer AS ended,
              (w.succeeded + coalesce(sum(c.succeeded), 0))::integer AS succeeded,
              (w.cancelled + coalesce(sum(c.cancelled), 0))::integer AS cancelled,
              (w.expired + coalesce(sum(c.expired), 0))::integer AS expired,
              (w.dead + coalesce(sum(c.dead), 0))::integer AS dead,
              greatest(w.ended_at, max(c.at) FILTER (WHERE c.queue IS NULL)) AS ended_at,
              w.queues || coalesce(array_agg(DISTINCT c.queue) FILTER (WHERE c.queue IS NOT NULL), '{}') AS queues
       FROM   pgq.workflow_changes AS c WHERE c.workflow_id = w.id) AS n;
