-- Submit one task; answers its id, or the first task's id when the key is known.
-- Runs with the caller's rights: a guard on who may submit what must see the caller.
CREATE OR REPLACE FUNCTION pgq.submit(
    kind text, payload jsonb DEFAULT '{}', queue text DEFAULT NULL, priority integer DEFAULT NULL, delay interval DEFAULT NULL,
    run_at timestamptz DEFAULT NULL, expires_at timestamptz DEFAULT NULL, max_attempts integer DEFAULT NULL,
    timeout interval DEFAULT NULL, key text DEFAULT NULL, key_window interval DEFAULT NULL, concurrency_key text DEFAULT NULL,
    unique_key text DEFAULT NULL, on_conflict text DEFAULT NULL, depends_on uuid[] DEFAULT NULL,
    on_parent_failure text DEFAULT NULL, tags text[] DEFAULT NULL, headers jsonb DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    unsupported text := CASE
        WHEN concurrency_key IS NOT NULL THEN 'concurrency_key'
        WHEN unique_key IS NOT NULL THEN 'unique_key'
        WHEN on_conflict IS NOT NULL THEN 'on_conflict' END;
    task_id uuid;
BEGIN
    IF unsupported IS NOT NULL THEN
        PERFORM pgq.refuse(unsupported, 'is not supported by this version');
    ELSIF payload = 'null' THEN
        PERFORM pgq.refuse('payload', 'must be a JSON object, not null');
    ELSIF headers = 'null' THEN
        PERFORM pgq.refuse('headers', 'must be a JSON object of at most 16 KB');
    ELSIF delay IS NOT NULL AND run_at IS NOT NULL THEN
        PERFORM pgq.refuse('delay', 'cannot be given together with run_at');
    ELSIF NOT (delay >= interval '0' AND delay <= interval '10 years') THEN
        PERFORM pgq.refuse('delay', 'must be between 0 seconds and ten years');
    ELSIF NOT (key_window > interval '0' AND key_window <= interval '10 years') THEN
        PERFORM pgq.refuse('key_window', 'must be above 0 seconds and at most ten years');
    ELSIF key_window IS NOT NULL AND key IS NULL THEN
        PERFORM pgq.refuse('key_window', 'means nothing without key');
    END IF;

    run_at := coalesce(run_at, clock_timestamp() + delay);
    IF key IS NULL THEN
        task_id := pgq.uuid7();
        INSERT INTO pgq.tasks (id, kind, payload, queue, priority, run_at, expires_at, max_attempts, timeout_seconds,
                               depends_on, on_parent_failure, tags, headers)
        VALUES (task_id, kind, payload, queue, priority, run_at, expires_at, max_attempts, extract(epoch FROM timeout),
                depends_on, on_parent_failure, tags, headers);
        RETURN task_id;
    END IF;
    RETURN (SELECT s.id FROM pgq.submit_many(jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
        'kind', kind, 'queue', queue, 'priority', priority, 'run_at', run_at, 'expires_at', expires_at,
        'max_attempts', max_attempts, 'timeout_seconds', extract(epoch FROM timeout), 'idempotency_key', key,
        'idempotency_window_seconds', extract(epoch FROM key_window), 'depends_on', depends_on,
        'on_parent_failure', on_parent_failure, 'tags', tags))
        || jsonb_build_object('payload', payload, 'headers', headers))) AS s);
END
$$;
