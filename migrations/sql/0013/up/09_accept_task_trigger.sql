-- The door: every INSERT and COPY passes here. A row with nothing left out, and nothing that only a closer look can judge,
-- goes through without the function, whose call costs as much as the row itself: what bulk submits fill in themselves.
-- A compressed payload looks smaller than it is. A small one may hold numbers that unfold, so its text is measured; in a
-- hundred bytes there is no room for enough of them.
CREATE OR REPLACE TRIGGER accept_task BEFORE INSERT ON pgq.tasks FOR EACH ROW
WHEN (
    NEW.id IS NULL OR NEW.created_at IS NULL OR NEW.idempotency_key IS NOT NULL OR NEW.expires_at IS NOT NULL
    OR (NEW.priority BETWEEN 0 AND 9) IS NOT TRUE
    OR (NEW.max_attempts BETWEEN 1 AND 1000) IS NOT TRUE
    OR (NEW.timeout_seconds > 0 AND NEW.timeout_seconds <= 315360000) IS NOT TRUE
    OR (NEW.run_at >= '2000-01-01Z' AND NEW.run_at < '3000-01-01Z') IS NOT TRUE
    OR (NEW.tags = '{}') IS NOT TRUE
    OR (NEW.headers = '{}') IS NOT TRUE
    OR (char_length(NEW.kind) BETWEEN 1 AND 128) IS NOT TRUE
    OR (char_length(NEW.queue) BETWEEN 1 AND 128) IS NOT TRUE
    OR NEW.kind || NEW.queue ~ '[\x01-\x1f\x7f]'
    OR (jsonb_typeof(NEW.payload) = 'object') IS NOT TRUE
    OR pg_column_compression(NEW.payload) IS NOT NULL OR pg_column_size(NEW.payload) > 2000
    OR pg_column_size(NEW.payload) > 100 AND octet_length(NEW.payload::text) > 1000000)
EXECUTE FUNCTION pgq.accept_task();
