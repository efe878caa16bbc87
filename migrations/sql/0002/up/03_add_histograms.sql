-- Two histograms added up, bucket by bucket.
CREATE FUNCTION pgq.add_histograms(one bigint[], other bigint[]) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    FOR bucket IN 1 .. cardinality(one) LOOP
        one[bucket] := one[bucket] + other[bucket];
    END LOOP;
    RETURN one;
END
$$;
