-- Many histograms added up; NULL for none.
CREATE AGGREGATE pgq.sum_histograms(bigint[]) (
    SFUNC = pgq.add_histograms,
    STYPE = bigint[],
    COMBINEFUNC = pgq.add_histograms,
    PARALLEL = SAFE
);
