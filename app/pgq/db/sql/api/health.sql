-- The figures of /health, and what is wrong. A worker that has been silent for 15 seconds counts as gone.
SELECT (SELECT count(*) FROM pgq.workers WHERE beat_at > clock_timestamp() - interval '15 s') AS workers,
       depth.pending_tasks, depth.running_tasks,
       (SELECT coalesce(sum(c.succeeded), 0)::bigint FROM pgq.task_counts AS c) AS completed_tasks,
       depth.dead_tasks, clock_timestamp() AS timestamp,
       (SELECT array_agg(duty ORDER BY duty) FROM pgq.maintenance WHERE failed_at IS NOT NULL) AS failed_duties,
       (SELECT count(DISTINCT kind) FROM pgq.unknown_kinds) AS unknown_kinds
FROM   (SELECT coalesce(sum(pending), 0)::bigint AS pending_tasks, coalesce(sum(running), 0)::bigint AS running_tasks,
               coalesce(sum(dead), 0)::bigint AS dead_tasks
        FROM   pgq.queue_depth) AS depth
