-- How long the given fraction of what a histogram counted took at most, in seconds: interpolated inside its bucket, as
-- Prometheus does. The last bucket has no end: what lies in it is said to take its lower bound. NULL for an empty histogram.
CREATE FUNCTION pgq.quantile(histogram bigint[], fraction double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN b.upper IS NULL THEN b.lower ELSE b.lower + (b.upper - b.lower) * (b.wanted - b.below) / b.n END
    FROM  (SELECT h.bucket, h.n, coalesce((pgq.latency_bounds())[h.bucket - 1], 0) AS lower,
                  (pgq.latency_bounds())[h.bucket] AS upper, (sum(h.n) OVER buckets - h.n)::double precision AS below,
                  fraction * (sum(h.n) OVER ())::double precision AS wanted
           FROM   unnest(histogram) WITH ORDINALITY AS h (n, bucket)
           WINDOW buckets AS (ORDER BY h.bucket)) AS b
    WHERE  b.n > 0 AND b.below + b.n >= b.wanted
    ORDER  BY b.bucket LIMIT 1
$$;
