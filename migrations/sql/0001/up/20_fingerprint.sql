-- Two requests are the same when their kind and payload are.
CREATE FUNCTION pgq.fingerprint(kind text, payload jsonb) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT sha256(convert_to(kind || E'\n' || coalesce(payload, '{}')::text, 'UTF8')) $$;
