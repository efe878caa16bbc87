-- Where the buckets of a latency histogram end, in seconds: 1, 2 and 5 of every power of ten, from 1 ms to 14 hours.
-- A histogram has one bucket more: the last one holds what took longer. Never to change: histograms are kept and added up.
CREATE FUNCTION pgq.latency_bounds() RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500,
                 1000, 2000, 5000, 10000, 20000, 50000]::double precision[]
$$;
