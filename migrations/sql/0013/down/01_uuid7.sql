-- UUIDv7 (RFC 9562, method 3: microseconds in rand_a), the same on every server version: sorts by time of making.
CREATE OR REPLACE FUNCTION pgq.uuid7() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT encode(
               overlay(
                   overlay(uuid_send(gen_random_uuid()) PLACING substring(int8send(micros / 1000) FROM 3) FROM 1 FOR 6)
                   PLACING substring(int8send(x'7000'::bigint + (micros % 1000) * 4096 / 1000) FROM 7) FROM 7 FOR 2),
               'hex')::uuid
    FROM   (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS micros) AS moment
$$;
