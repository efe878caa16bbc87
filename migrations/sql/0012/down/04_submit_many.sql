-- Submit an array of tasks, all or nothing; answers in the order of the array, positions from 0.
-- An element has the columns' names, and delay_seconds, idempotency_window_seconds, and defaults: what the submitter's
-- own handler says, used where neither the element nor the kind's published row nor the queue does.
-- A refusal tells the position of the task that it is for. Where a key is known, nobody asks for the parents again.
-- Runs with the caller's rights: a guard on who may submit what must see the caller.
CREATE OR REPLACE FUNCTION pgq.submit_many(tasks jsonb)
RETURNS TABLE ("position" integer, id uuid, created boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    fields     CONSTANT text[] := '{kind,payload,id,queue,priority,run_at,expires_at,delay_seconds,max_attempts,timeout_seconds,idempotency_key,idempotency_window_seconds,depends_on,on_parent_failure,tags,headers,defaults}';
    bad        record;
    clash      text;
    held_nth   integer[];
    held_ids   uuid[];
    held_new   boolean[];
BEGIN
    IF tasks IS NULL OR jsonb_typeof(tasks) <> 'array' THEN
        PERFORM pgq.refuse('tasks', 'must be a JSON array of objects');
    END IF;

    SELECT item.n - 1 AS nth, CASE WHEN jsonb_typeof(item.task) = 'object' THEN
               (SELECT field.name FROM jsonb_object_keys(item.task - fields) AS field (name) LIMIT 1) END AS field INTO bad
    FROM   jsonb_array_elements(tasks) WITH ORDINALITY AS item (task, n)
    WHERE  CASE WHEN jsonb_typeof(item.task) = 'object' THEN item.task - fields <> '{}' ELSE true END
    LIMIT  1;
    IF FOUND THEN
        PERFORM pgq.refuse_at(bad.nth, coalesce(bad.field, 'tasks'), CASE
            WHEN bad.field IS NULL THEN format('element %s is not an object', bad.nth)
            WHEN bad.field IN ('concurrency_key', 'unique_key', 'on_conflict') THEN 'is not supported by this version' ELSE 'is not a field of a task' END);
    END IF;

    -- Types, of all at once: a block that only reads costs no transaction id of its own.
    BEGIN
        PERFORM FROM jsonb_to_recordset(tasks) AS t (
            id uuid, priority integer, run_at timestamptz, expires_at timestamptz, delay_seconds double precision, max_attempts integer,
            timeout_seconds double precision, idempotency_window_seconds double precision, depends_on uuid[], tags text[]);
    EXCEPTION WHEN data_exception THEN
        PERFORM pgq.refuse_wrong_type(tasks);
        RAISE;
    END;

    -- Keys first: a known one answers with its task, and nothing is inserted for it.
    IF jsonb_path_exists(tasks, '$[*].idempotency_key ? (@ != null)') THEN
        WITH keyed AS MATERIALIZED (
            SELECT t.n, t.kind, t.payload, t.idempotency_key AS key, coalesce(t.id, pgq.uuid7()) AS id,
                   coalesce(t.queue, k.queue, t.defaults ->> 'queue', 'default') AS queue,
                   coalesce(t.idempotency_window_seconds, 86400) AS window_seconds
            FROM   ROWS FROM (jsonb_to_recordset(tasks) AS (kind text, payload jsonb, id uuid, queue text,
                              idempotency_key text, idempotency_window_seconds double precision, defaults jsonb))
                   WITH ORDINALITY AS t (kind, payload, id, queue, idempotency_key, idempotency_window_seconds, defaults, n)
                   LEFT JOIN pgq.kinds AS k ON k.kind = t.kind
            WHERE  t.idempotency_key IS NOT NULL
        ), checked AS MATERIALIZED (
            SELECT keyed.*,
                   CASE WHEN char_length(keyed.key) NOT BETWEEN 1 AND 255
                        THEN pgq.refuse_at(keyed.n - 1, 'idempotency_key', 'must have 1 to 255 characters') END,
                   CASE WHEN NOT (keyed.window_seconds > 0 AND keyed.window_seconds <= 315360000)
                        THEN pgq.refuse_at(keyed.n - 1, 'idempotency_window_seconds', 'must be above 0 and at most ten years') END,
                   -- Before its fingerprint is taken, which needs the whole text.
                   CASE WHEN set_config('pgq.position', (keyed.n - 1)::text, true) <> '' THEN pgq.check_payload(keyed.payload) END
            FROM   keyed
        ), asked AS (
            SELECT array_agg(c.n ORDER BY c.n) AS nths, array_agg(c.queue ORDER BY c.n) AS queues,
                   array_agg(c.key ORDER BY c.n) AS keys, array_agg(make_interval(secs => c.window_seconds) ORDER BY c.n) AS windows,
                   array_agg(c.id ORDER BY c.n) AS ids, array_agg(pgq.fingerprint(coalesce(c.kind, ''), c.payload) ORDER BY c.n) AS fingerprints
            FROM   checked AS c
        )
        SELECT array_agg(asked.nths[held.nth]), array_agg(held.task_id), array_agg(held.created),
               max(asked.keys[held.nth]) FILTER (WHERE NOT held.same_request)
        INTO   held_nth, held_ids, held_new, clash
        FROM   asked, LATERAL pgq.claim_keys(asked.queues, asked.keys, asked.windows, asked.ids, asked.fingerprints) AS held;
        IF clash IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'PQ001',
                MESSAGE = format('idempotency_key: %s was used for another kind or payload', clash),
                DETAIL = json_build_object('field', 'idempotency_key', 'reason', 'was used for another kind or payload')::text,
                HINT = 'Use a new key for a new request, or repeat the first request unchanged.';
        END IF;
    END IF;

    RETURN QUERY
    WITH wanted AS MATERIALIZED (
        SELECT t.*, coalesce(held.id, t.id, pgq.uuid7()) AS task_id, coalesce(held.created, true) AS is_new,
               CASE WHEN t.delay_seconds IS NULL THEN t.run_at
                    WHEN t.run_at IS NOT NULL THEN pgq.refuse_at(t.n - 1, 'delay_seconds', 'cannot be given together with run_at')::text::timestamptz
                    WHEN NOT (t.delay_seconds >= 0 AND t.delay_seconds <= 315360000)
                    THEN pgq.refuse_at(t.n - 1, 'delay_seconds', 'must be between 0 and ten years')::text::timestamptz
                    ELSE clock_timestamp() + make_interval(secs => t.delay_seconds) END AS due_at,
               k.queue AS kind_queue, k.priority AS kind_priority, k.max_attempts AS kind_attempts, k.timeout_seconds AS kind_timeout,
               q.timeout_seconds AS queue_timeout
        FROM   ROWS FROM (jsonb_to_recordset(tasks) AS (kind text, payload jsonb, id uuid, queue text, priority integer,
                          run_at timestamptz, expires_at timestamptz, delay_seconds double precision, max_attempts integer,
                          timeout_seconds double precision, idempotency_key text, depends_on uuid[], on_parent_failure text,
                          tags text[], headers jsonb, defaults jsonb))
               WITH ORDINALITY AS t (kind, payload, id, queue, priority, run_at, expires_at, delay_seconds, max_attempts,
                                     timeout_seconds, idempotency_key, depends_on, on_parent_failure, tags, headers, defaults, n)
               LEFT JOIN pgq.kinds AS k ON k.kind = t.kind
               LEFT JOIN pgq.queues AS q ON q.name = coalesce(t.queue, k.queue, t.defaults ->> 'queue', 'default')
               LEFT JOIN unnest(held_nth, held_ids, held_new) AS held (nth, id, created) ON held.nth = t.n
    ), inserted AS (
        INSERT INTO pgq.tasks (id, kind, payload, queue, priority, run_at, expires_at, max_attempts, timeout_seconds,
                               idempotency_key, depends_on, on_parent_failure, tags, headers)
        -- In their order, so that one may depend on another that stands before it. The trigger that takes this row in may refuse it, and then says where it stands.
        SELECT w.task_id, CASE WHEN set_config('pgq.position', (w.n - 1)::text, true) <> '' THEN w.kind END, w.payload,
               coalesce(w.queue, w.kind_queue, w.defaults ->> 'queue'),
               coalesce(w.priority, w.kind_priority, (w.defaults ->> 'priority')::integer),
               w.due_at, w.expires_at,
               coalesce(w.max_attempts, w.kind_attempts, (w.defaults ->> 'max_attempts')::integer),
               coalesce(w.timeout_seconds, w.kind_timeout, w.queue_timeout, (w.defaults ->> 'timeout_seconds')::double precision),
               w.idempotency_key, w.depends_on, w.on_parent_failure, w.tags, w.headers
        FROM   (SELECT wanted.* FROM wanted WHERE wanted.is_new ORDER BY wanted.n OFFSET 0) AS w
    )
    SELECT (w.n - 1)::integer, w.task_id, w.is_new FROM wanted AS w ORDER BY w.n;
    PERFORM set_config('pgq.position', '', true);
END
$$;
