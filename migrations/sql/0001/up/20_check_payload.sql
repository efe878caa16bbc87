-- Refuse a payload that could not be kept, or not be read back. Cheap before thorough: what is refused was never unfolded.
CREATE FUNCTION pgq.check_payload(payload jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    bytes integer;
BEGIN
    IF jsonb_typeof(payload) <> 'object' THEN
        PERFORM pgq.refuse('payload', format('must be a JSON object, not %s', jsonb_typeof(payload)));
    ELSIF pgq.has_huge_numbers(payload) THEN
        PERFORM pgq.refuse('payload', 'holds a number that is too large or too small for a double');
    END IF;
    -- Of the text, not of what is stored: many digits are stored in few bytes.
    bytes := octet_length(payload::text);
    IF bytes > 1000000 THEN
        PERFORM pgq.refuse('payload', format('is %s bytes as JSON; at most 1,000,000 are kept', bytes));
    END IF;
END
$$;
