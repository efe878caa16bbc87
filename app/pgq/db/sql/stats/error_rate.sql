SELECT queue, failure_ratio, dead_per_hour FROM pgq.error_rate
