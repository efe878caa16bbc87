DROP VIEW pgq.queue_depth_history, pgq.queue_counts, pgq.error_rate, pgq.task_latency, pgq.task_throughput,
          pgq.counts_by_minute, pgq.task_counts;
