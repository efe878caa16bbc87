-- What each role may do with the statistics. Nothing is granted to PUBLIC.
DO $$
DECLARE
    views CONSTANT text := 'pgq.task_counts, pgq.counts_by_minute, pgq.task_throughput, pgq.task_latency, pgq.error_rate, '
                           'pgq.queue_counts, pgq.queue_depth_history';
    functions CONSTANT text := 'pgq.latency_bounds, pgq.add_histograms, pgq.sum_histograms, pgq.quantile';
    grants CONSTANT text[] := ARRAY[
        ['pgq_viewer', 'SELECT ON ' || views],
        ['pgq_viewer', 'EXECUTE ON FUNCTION ' || functions || ', pgq.answers_from_samples'],
        ['pgq_worker', 'SELECT, INSERT, UPDATE, DELETE ON pgq.task_stats, pgq.task_minutes, pgq.task_totals, pgq.queue_samples'],
        ['pgq_worker', 'SELECT ON ' || views],
        ['pgq_worker', 'EXECUTE ON FUNCTION ' || functions || ', pgq.histogram, pgq.answers_from_samples'],
        ['pgq_admin', 'SELECT, INSERT, UPDATE, DELETE ON pgq.task_stats, pgq.task_minutes, pgq.task_totals, pgq.queue_samples, ' || views],
        ['pgq_admin', 'EXECUTE ON FUNCTION ' || functions || ', pgq.histogram, pgq.answers_from_samples']];
    granted integer;
BEGIN
    REVOKE ALL ON FUNCTION pgq.latency_bounds, pgq.histogram, pgq.add_histograms, pgq.sum_histograms, pgq.quantile,
                           pgq.answers_from_samples FROM PUBLIC;
    FOR granted IN 1 .. array_length(grants, 1) LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = grants[granted][1]) THEN
            EXECUTE format('GRANT %s TO %I', grants[granted][2], grants[granted][1]);
        END IF;
    END LOOP;
END
$$;
