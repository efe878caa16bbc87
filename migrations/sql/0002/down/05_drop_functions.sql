DROP FUNCTION pgq.answers_from_samples, pgq.quantile, pgq.add_histograms, pgq.histogram, pgq.latency_bounds;
