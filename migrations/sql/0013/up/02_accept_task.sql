-- What the door does for a row that needs something (see its trigger). Fills what was left out (the kind's published defaults, then the
-- queue's, then the built-in ones) and refuses what no worker could run, naming the field and the reason.
-- Each expression costs a single INSERT some 3 µs: the usual row is judged by one of them, and only another closer.
CREATE OR REPLACE FUNCTION pgq.accept_task() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key_owner uuid;
BEGIN
    IF NEW.queue IS NULL OR NEW.priority IS NULL OR NEW.max_attempts IS NULL OR NEW.timeout_seconds IS NULL THEN
        SELECT coalesce(NEW.queue, k.queue, 'default'), coalesce(NEW.priority, k.priority, 5),
               coalesce(NEW.max_attempts, k.max_attempts, 4),
               coalesce(NEW.timeout_seconds, k.timeout_seconds,
                        (SELECT q.timeout_seconds FROM pgq.queues AS q WHERE q.name = coalesce(NEW.queue, k.queue, 'default')), 300)
        INTO   NEW.queue, NEW.priority, NEW.max_attempts, NEW.timeout_seconds
        FROM   (SELECT) AS one LEFT JOIN pgq.kinds AS k ON k.kind = NEW.kind;
    END IF;
    IF NEW.id IS NULL OR NEW.created_at IS NULL OR NEW.payload IS NULL OR NEW.tags IS NULL OR NEW.headers IS NULL THEN
        NEW.id := coalesce(NEW.id, pgq.uuid7());
        NEW.created_at := coalesce(NEW.created_at, clock_timestamp());
        NEW.payload := coalesce(NEW.payload, '{}');
        NEW.tags := coalesce(NEW.tags, '{}');
        NEW.headers := coalesce(NEW.headers, '{}');
    END IF;
    NEW.run_at := coalesce(NEW.run_at, NEW.created_at);

    IF (NEW.expires_at IS NULL AND NEW.tags = '{}' AND NEW.headers = '{}'
            AND char_length(NEW.kind) BETWEEN 1 AND 128 AND char_length(NEW.queue) BETWEEN 1 AND 128
            AND NEW.kind || NEW.queue !~ '[\x01-\x1f\x7f]'
            AND NEW.priority BETWEEN 0 AND 9 AND NEW.max_attempts BETWEEN 1 AND 1000
            AND NEW.timeout_seconds > 0 AND NEW.timeout_seconds <= 315360000
            AND NEW.run_at >= '2000-01-01Z' AND NEW.run_at < '3000-01-01Z'
            AND jsonb_typeof(NEW.payload) = 'object' AND pg_column_compression(NEW.payload) IS NULL
            AND pg_column_size(NEW.payload) <= 2000
            AND (pg_column_size(NEW.payload) <= 100 OR octet_length(NEW.payload::text) <= 1000000)) IS NOT TRUE THEN
        IF NEW.kind IS NULL OR char_length(NEW.kind) NOT BETWEEN 1 AND 128 OR NEW.kind ~ '[\x01-\x1f\x7f]' THEN
            PERFORM pgq.refuse('kind', 'must have 1 to 128 characters, none of them a control character');
        ELSIF char_length(NEW.queue) NOT BETWEEN 1 AND 128 OR NEW.queue ~ '[\x01-\x1f\x7f]' THEN
            PERFORM pgq.refuse('queue', 'must have 1 to 128 characters, none of them a control character');
        ELSIF NEW.priority NOT BETWEEN 0 AND 9 THEN
            PERFORM pgq.refuse('priority', format('must be 0 to 9 (9 is the most urgent), not %s', NEW.priority));
        ELSIF NEW.max_attempts NOT BETWEEN 1 AND 1000 THEN
            PERFORM pgq.refuse('max_attempts', format('must be from 1 to 1000, not %s', NEW.max_attempts));
        ELSIF NOT (NEW.timeout_seconds > 0 AND NEW.timeout_seconds <= 315360000) THEN
            PERFORM pgq.refuse('timeout_seconds', format('must be above 0 and at most ten years, not %s', NEW.timeout_seconds));
        ELSIF NOT (NEW.run_at >= '2000-01-01Z' AND NEW.run_at < '3000-01-01Z') THEN
            PERFORM pgq.refuse('run_at', format('must lie between the years 2000 and 3000, not %s', NEW.run_at));
        ELSIF NOT (NEW.expires_at >= '2000-01-01Z' AND NEW.expires_at < '3000-01-01Z') THEN
            PERFORM pgq.refuse('expires_at', format('must lie between the years 2000 and 3000, not %s', NEW.expires_at));
        ELSIF NEW.expires_at <= NEW.run_at AND NEW.attempt = 0 THEN
            PERFORM pgq.refuse('expires_at', 'must be later than run_at, or the task could never start');
        ELSIF NEW.tags <> '{}' AND (array_ndims(NEW.tags) > 1 OR cardinality(NEW.tags) > 32 OR EXISTS (
                SELECT FROM unnest(NEW.tags) AS tag
                WHERE tag IS NULL OR char_length(tag) NOT BETWEEN 1 AND 128 OR tag ~ '[\x01-\x1f\x7f]')) THEN
            PERFORM pgq.refuse('tags', 'must be at most 32 texts of 1 to 128 characters, none of them a control character');
        ELSIF NEW.headers <> '{}' AND (jsonb_typeof(NEW.headers) <> 'object' OR pgq.has_huge_numbers(NEW.headers)
                OR octet_length(NEW.headers::text) > 16384) THEN
            PERFORM pgq.refuse('headers', 'must be a JSON object of at most 16 KB');
        END IF;
        IF jsonb_typeof(NEW.payload) <> 'object' OR pg_column_size(NEW.payload || '{}') > 2000
                OR octet_length(NEW.payload::text) > 1000000 THEN
            PERFORM pgq.check_payload(NEW.payload);
        END IF;
    END IF;

    -- A dead letter's id is refused after the statement (pgq.notify_ready), but never takes a key.
    IF NEW.idempotency_key IS NULL OR NEW.attempt > 0 OR NEW.lease_epoch > 0 THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (SELECT FROM pgq.dead_tasks AS d WHERE d.id = NEW.id) THEN
        IF char_length(NEW.idempotency_key) NOT BETWEEN 1 AND 255 OR NEW.idempotency_key ~ '[\x01-\x1f\x7f]' THEN
            PERFORM pgq.refuse('idempotency_key', 'must have 1 to 255 characters, none of them a control character');
        END IF;
        -- pgq.submit() and pgq.submit_many() hold the key for this very task already.
        SELECT k.task_id INTO key_owner FROM pgq.idempotency_keys AS k
        WHERE  k.queue = NEW.queue AND k.key = NEW.idempotency_key;
        IF key_owner IS DISTINCT FROM NEW.id THEN
            SELECT c.task_id INTO key_owner
            FROM   pgq.claim_keys(ARRAY[NEW.queue], ARRAY[NEW.idempotency_key], ARRAY[interval '1 day'], ARRAY[NEW.id],
                                  ARRAY[pgq.fingerprint(NEW.kind, NEW.payload)]) AS c;
        END IF;
        IF key_owner <> NEW.id OR EXISTS (SELECT FROM pgq.task_history AS h WHERE h.id = NEW.id) THEN
            RAISE unique_violation USING
                MESSAGE = format('idempotency_key: %s of queue %s belongs to task %s', NEW.idempotency_key, NEW.queue, key_owner),
                HINT = 'Use SELECT pgq.submit(...) to be given the id of the first task instead.',
                CONSTRAINT = 'idempotency_keys_pkey', TABLE = 'tasks', SCHEMA = 'pgq';
        END IF;
    END IF;
    RETURN NEW;
END
$$;
