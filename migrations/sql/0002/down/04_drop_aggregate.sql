DROP AGGREGATE pgq.sum_histograms(bigint[]);
