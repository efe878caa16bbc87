-- Write down what a duty did; only under its turn.
CREATE FUNCTION pgq.end_turn(duty text, changed bigint) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE pgq.maintenance AS m
    SET    last_seconds = extract(epoch FROM clock_timestamp() - m.last_started_at), last_changed = changed,
           failed_at = NULL, failure = NULL
    WHERE  m.duty = end_turn.duty AND current_setting('pgq.turn', true) = end_turn.duty
$$;
