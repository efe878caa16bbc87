-- Every refusal at the door looks alike: SQLSTATE PQ003, the field and the reason in words and as JSON.
-- pgq.submit_many() says in pgq.position which of its tasks it is at, from 0, and that goes along.
CREATE OR REPLACE FUNCTION pgq.refuse(field text, reason text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'PQ003',
        MESSAGE = field || ': ' || reason,
        DETAIL = json_strip_nulls(json_build_object('field', field, 'reason', reason,
            'position', nullif(current_setting('pgq.position', true), '')::integer))::text;
END
$$;
