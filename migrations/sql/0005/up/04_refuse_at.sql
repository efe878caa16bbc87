-- Refuse the task at this position of a bulk submit.
CREATE FUNCTION pgq.refuse_at(nth bigint, field text, reason text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('pgq.position', nth::text, true);
    PERFORM pgq.refuse(field, reason);
END
$$;
