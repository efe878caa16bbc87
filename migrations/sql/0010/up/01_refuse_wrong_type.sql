-- Say which task of a bulk submit, and which field of it, is of a wrong type. Slow: asked when one is known to be wrong.
CREATE OR REPLACE FUNCTION pgq.refuse_wrong_type(tasks jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part record;
BEGIN
    FOR part IN
        SELECT item.n - 1 AS nth, field.name, field.value
        FROM   jsonb_array_elements(tasks) WITH ORDINALITY AS item (task, n), LATERAL jsonb_each(item.task) AS field (name, value)
        WHERE  field.name = ANY ('{id,priority,run_at,expires_at,delay_seconds,max_attempts,timeout_seconds,idempotency_window_seconds,depends_on,tags}')
        ORDER  BY item.n
    LOOP
        BEGIN
            PERFORM FROM jsonb_to_record(jsonb_build_object(part.name, part.value)) AS f (
                id uuid, priority integer, run_at timestamptz, expires_at timestamptz, delay_seconds double precision,
                max_attempts integer, timeout_seconds double precision, idempotency_window_seconds double precision,
                depends_on uuid[], tags text[]);
        EXCEPTION WHEN data_exception THEN
            PERFORM pgq.refuse_at(part.nth, part.name, CASE
                WHEN part.name = 'id' THEN 'must be a UUID'
                WHEN part.name IN ('priority', 'max_attempts') THEN 'must be a whole number'
                WHEN part.name IN ('run_at', 'expires_at') THEN 'must be a time, such as 2030-01-31T09:00:00Z'
                WHEN part.name = 'depends_on' THEN 'must be a JSON array of UUIDs'
                WHEN part.name = 'tags' THEN 'must be a JSON array of texts'
                ELSE 'must be a number of seconds' END);
        END;
    END LOOP;
END
$$;
