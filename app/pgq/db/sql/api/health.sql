-- The figures of /health, and what is wrong. A worker that has been silent for 15 seconds counts as gone.
SELECT (SELECT count(*) FROM pgq.workers WHERE beat_at > clock_timestamp() - interval '15 s') AS workers,
       (SELECT count(*) FROM pgq.tasks WHERE state = 'pending') AS pending_tasks,
       (SELECT count(*) FROM pgq.tasks WHERE state = 'running') AS running_tasks,
       (SELECT count(*) FROM pgq.task_history WHERE state = 'succeeded') AS completed_tasks,
       (SELECT count(*) FROM pgq.dead_tasks) AS dead_tasks,
       clock_timestamp() AS timestamp,
       (SELECT array_agg(duty ORDER BY duty) FROM pgq.maintenance
        WHERE  failed_at IS NOT NULL) AS failed_duties,
       (SELECT count(DISTINCT kind) FROM pgq.unknown_kinds) AS unknown_kinds
