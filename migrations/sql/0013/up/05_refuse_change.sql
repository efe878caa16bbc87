-- No UPDATE may leave what a worker could not read or run. A trigger where CHECKs were: each CHECK is parsed and planned anew
-- by every statement that writes a task (10 µs for each claim, renewal and single INSERT), while this costs nothing to those
-- that do not set these columns. INSERTs are judged by pgq.accept_task().
CREATE FUNCTION pgq.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pgq.refuse(found.field, found.reason)
    FROM   (VALUES
        ('kind', char_length(NEW.kind) BETWEEN 1 AND 128, 'must have 1 to 128 characters'),
        ('queue', char_length(NEW.queue) BETWEEN 1 AND 128, 'must have 1 to 128 characters'),
        ('priority', NEW.priority BETWEEN 0 AND 9, 'must be 0 to 9 (9 is the most urgent)'),
        ('max_attempts', NEW.max_attempts BETWEEN 1 AND 1000, 'must be from 1 to 1000'),
        ('timeout_seconds', NEW.timeout_seconds > 0 AND NEW.timeout_seconds <= 315360000, 'must be above 0 and at most ten years'),
        ('run_at', NEW.run_at >= '2000-01-01Z' AND NEW.run_at < '3000-01-01Z', 'must lie between the years 2000 and 3000'),
        ('expires_at', NEW.expires_at IS NULL OR NEW.expires_at >= '2000-01-01Z' AND NEW.expires_at < '3000-01-01Z',
         'must lie between the years 2000 and 3000'),
        ('payload', jsonb_typeof(NEW.payload) = 'object', 'must be a JSON object')) AS found (field, sound, reason)
    WHERE  NOT found.sound LIMIT 1;
    RETURN NULL;
END
$$;

CREATE TRIGGER refuse_change
    AFTER UPDATE OF kind, queue, priority, max_attempts, timeout_seconds, run_at, expires_at, payload ON pgq.tasks FOR EACH ROW
    WHEN (NOT (char_length(NEW.kind) BETWEEN 1 AND 128 AND char_length(NEW.queue) BETWEEN 1 AND 128
               AND NEW.priority BETWEEN 0 AND 9 AND NEW.max_attempts BETWEEN 1 AND 1000
               AND NEW.timeout_seconds > 0 AND NEW.timeout_seconds <= 315360000
               AND NEW.run_at >= '2000-01-01Z' AND NEW.run_at < '3000-01-01Z'
               AND (NEW.expires_at IS NULL OR NEW.expires_at >= '2000-01-01Z' AND NEW.expires_at < '3000-01-01Z')
               AND jsonb_typeof(NEW.payload) = 'object'))
    EXECUTE FUNCTION pgq.refuse_change();
