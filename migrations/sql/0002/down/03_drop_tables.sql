DROP TABLE pgq.queue_samples, pgq.task_totals, pgq.task_minutes, pgq.task_stats;
