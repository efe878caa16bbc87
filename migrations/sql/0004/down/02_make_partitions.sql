-- Have a partition for every day (UTC) from yesterday to `days_ahead`; answers how many were made.
-- LIKE + ATTACH, because CREATE … PARTITION OF would stall every completion behind one idle reader.
-- SECURITY DEFINER: workers may make partitions without owning the tables.
CREATE OR REPLACE FUNCTION pgq.make_partitions(days_ahead integer DEFAULT 8) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
    parent text;
    day    date;
    child  text;
    made   integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('pgq.make_partitions'));
    FOREACH parent IN ARRAY ARRAY['task_history', 'attempts'] LOOP
        FOR n IN -1 .. days_ahead LOOP
            day := (now() AT TIME ZONE 'UTC')::date + n;
            child := parent || to_char(day, '_YYYYMMDD');
            CONTINUE WHEN EXISTS (SELECT FROM pg_class WHERE relname = child AND relnamespace = 'pgq'::regnamespace);
            EXECUTE format('CREATE TABLE pgq.%I (LIKE pgq.%I INCLUDING ALL)', child, parent);
            EXECUTE format('ALTER TABLE pgq.%I ATTACH PARTITION pgq.%I FOR VALUES FROM (%L) TO (%L)',
                           parent, child, day || ' 00:00:00+00', day + 1 || ' 00:00:00+00');
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;
