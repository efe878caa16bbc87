-- How many of these durations fall into each bucket: below the first bound, from each bound to the next, from the last one on.
-- plpgsql, and an array changed in place: three of them are made for every batch of outcomes.
CREATE FUNCTION pgq.histogram(durations double precision[]) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    counts bigint[] := array_fill(0::bigint, ARRAY[cardinality(pgq.latency_bounds()) + 1]);
    duration double precision;
    bucket integer;
BEGIN
    IF durations IS NOT NULL THEN
        FOREACH duration IN ARRAY durations LOOP
            bucket := width_bucket(duration, pgq.latency_bounds()) + 1;
            counts[bucket] := counts[bucket] + 1;
        END LOOP;
    END IF;
    RETURN counts;
END
$$;
