-- For whoever writes a schedule, an operator's own SQL included; what only the scheduler sets does not pass here.
-- Another time, and the end of a pause, count from now on; and what was changed may have mended what was wrong.
CREATE FUNCTION pgq.accept_schedule() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    other_times CONSTANT boolean := TG_OP = 'INSERT' OR (NEW.cron, NEW.timezone) IS DISTINCT FROM (OLD.cron, OLD.timezone);
BEGIN
    IF other_times THEN
        -- What the fields hold only the scheduler can tell: it says in `error` what it cannot read.
        IF NEW.cron !~ '^\s*(@[a-zA-Z]+|\S+(\s+\S+){4,5})\s*$' THEN
            PERFORM pgq.refuse('cron', 'must have five fields, six with seconds first, or be an alias such as @daily');
        END IF;
        -- Code's was read by the worker that has it, where a server may know fewer.
        IF NEW.source = 'user' THEN
            BEGIN
                PERFORM clock_timestamp() AT TIME ZONE NEW.timezone;
            EXCEPTION WHEN invalid_parameter_value THEN
                PERFORM pgq.refuse('timezone', format('%L is not a time zone such as Europe/Paris', NEW.timezone));
            END;
        END IF;
    END IF;
    IF other_times OR OLD.paused_at IS NOT NULL AND NEW.paused_at IS NULL THEN
        NEW.next_tick_at := NULL;
        NEW.due_at := NULL;
    ELSIF NEW.jitter_seconds < OLD.jitter_seconds THEN
        NEW.due_at := least(NEW.due_at, NEW.next_tick_at + make_interval(secs => NEW.jitter_seconds));
    END IF;
    NEW.error := NULL;
    NEW.error_at := NULL;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END
$$;
