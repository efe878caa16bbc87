-- The schema as the migrations build it. Not run by anybody: it is here to be read, and compared in review.
-- Written by python -m tests.migrations.snapshot; a test says when it is out of date. Partitions are left out.

CREATE SCHEMA pgq;

CREATE FUNCTION pgq.accept_schedule() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
$_$;

CREATE FUNCTION pgq.accept_task() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
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

CREATE FUNCTION pgq.add_histograms(one bigint[], other bigint[]) RETURNS bigint[]
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    FOR bucket IN 1 .. cardinality(one) LOOP
        one[bucket] := one[bucket] + other[bucket];
    END LOOP;
    RETURN one;
END
$$;

CREATE FUNCTION pgq.add_workflow_tasks(workflow_id uuid, tasks jsonb) RETURNS TABLE("position" integer, id uuid)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT s.position, s.id FROM pgq.submit_many(pgq.workflow_elements(add_workflow_tasks.workflow_id, tasks)) AS s ORDER BY s.position;
END
$$;

CREATE FUNCTION pgq.answers_from_samples() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT (SELECT sum(c.reltuples) FROM pg_class AS c
            WHERE  c.oid IN ('pgq.tasks'::regclass, 'pgq.dead_tasks'::regclass)) > 1000000
           AND EXISTS (SELECT FROM pgq.queue_samples AS s WHERE s.sampled_at > statement_timestamp() - interval '1 min')
$$;

CREATE FUNCTION pgq.await_parents() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    unknown uuid;
    open    boolean;
BEGIN
    IF NEW.depends_on IS NULL THEN
        PERFORM pgq.refuse('on_parent_failure', 'means nothing without depends_on');
    ELSIF NEW.on_parent_failure NOT IN ('cancel', 'run', 'wait') THEN
        PERFORM pgq.refuse('on_parent_failure', format('must be cancel, run or wait, not %s', left(NEW.on_parent_failure, 100)));
    ELSIF NEW.depends_on = '{}' THEN
        NEW.depends_on := NULL;
        NEW.on_parent_failure := NULL;
        RETURN NEW;
    ELSIF array_ndims(NEW.depends_on) > 1 THEN
        PERFORM pgq.refuse('depends_on', 'must be a list of ids');
    ELSIF array_position(NEW.depends_on, NULL) IS NOT NULL THEN
        PERFORM pgq.refuse('depends_on', 'must be a list of ids, none of them null');
    ELSIF NEW.id = ANY (NEW.depends_on) THEN
        PERFORM pgq.refuse('depends_on', 'a task cannot depend on itself');
    END IF;
    IF cardinality(NEW.depends_on) > 1 THEN
        NEW.depends_on := ARRAY(SELECT p.id FROM unnest(NEW.depends_on) WITH ORDINALITY AS p (id, n) GROUP BY p.id ORDER BY min(p.n));
    END IF;
    IF cardinality(NEW.depends_on) > 10000 THEN
        PERFORM pgq.refuse('depends_on', format('must be at most 10,000 tasks, not %s', cardinality(NEW.depends_on)));
    END IF;

    SELECT (array_agg(s.id) FILTER (WHERE s.state IS NULL))[1],
           bool_or(s.state <> 'succeeded' AND (s.state = 'live' OR NEW.on_parent_failure IS DISTINCT FROM 'run'))
    INTO   unknown, open
    FROM   pgq.parent_states(NEW.depends_on) AS s;
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'PQ004',
            MESSAGE = format('depends_on: no task has the id %s', unknown),
            DETAIL = json_strip_nulls(json_build_object('field', 'depends_on', 'reason', format('no task has the id %s', unknown),
                'id', unknown, 'position', nullif(current_setting('pgq.position', true), '')::integer))::text,
            HINT = 'Submit the parents first; those whose retention is over are not known any more.';
    END IF;
    NEW.waits_for := CASE WHEN open THEN cardinality(NEW.depends_on) ELSE 0 END;
    IF open THEN
        NEW.state := 'blocked';
        PERFORM set_config('pgq.children', 'new', true);
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION pgq.cancel(task_id uuid) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    answer text := (SELECT c.answer FROM pgq.cancel_tasks(ARRAY[task_id]) AS c);
BEGIN
    IF answer IS NULL THEN
        PERFORM pgq.refuse_ended(task_id, 'only a task that has not ended can be cancelled');
    END IF;
    RETURN answer;
END
$$;

CREATE FUNCTION pgq.cancel_tasks(ids uuid[]) RETURNS TABLE(id uuid, answer text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
#variable_conflict use_column
DECLARE
    families uuid[] := ARRAY(
        WITH RECURSIVE family (id) AS (
            SELECT t.id FROM pgq.tasks AS t WHERE t.id = ANY (ids) AND t.state <> 'running'
            UNION
            SELECT e.child_id
            FROM   family CROSS JOIN LATERAL (SELECT d.child_id FROM pgq.task_dependencies AS d WHERE d.parent_id = family.id OFFSET 0) AS e
        )
        SELECT family.id FROM family);
    waiting uuid[];
    ended   uuid[];
BEGIN
    PERFORM FROM pgq.tasks AS t WHERE t.id = ANY (ids || families) ORDER BY t.state = 'blocked', t.id FOR UPDATE;

    -- Who leases a task runs it (a CHECK says so); asked for its state, the index of those that run might be read whole.
    RETURN QUERY
    WITH told AS (
        UPDATE pgq.tasks AS t SET cancel_requested_at = coalesce(t.cancel_requested_at, clock_timestamp())
        WHERE  t.id = ANY (ids) AND t.leased_by IS NOT NULL
        RETURNING t.id
    )
    SELECT told.id, 'requested' FROM told, LATERAL pg_notify('pgq_cancel', told.id::text);

    waiting := ARRAY(SELECT t.id FROM pgq.tasks AS t WHERE t.id = ANY (ids) AND t.leased_by IS NULL);
    IF waiting <> '{}' THEN
        ended := ARRAY(SELECT pgq.end_waiting(waiting, array_fill(NULL::jsonb, ARRAY[cardinality(waiting)])));
        PERFORM pgq.release_children(ended, array_fill('cancelled'::text, ARRAY[cardinality(ended)]));
        RETURN QUERY SELECT e.id, 'cancelled' FROM unnest(ended) AS e (id);
    END IF;
END
$$;

CREATE FUNCTION pgq.cancel_workflow(workflow_id uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM FROM pgq.workflows AS w WHERE w.id = cancel_workflow.workflow_id FOR NO KEY UPDATE;
    IF NOT EXISTS (SELECT FROM pgq.workflow_status AS s WHERE s.id = cancel_workflow.workflow_id AND s.state = 'running') THEN
        PERFORM pgq.refuse_workflow(workflow_id, 'only one that runs can be cancelled');
    END IF;
    UPDATE pgq.workflows AS w
    SET    cancel_requested_at = coalesce(w.cancel_requested_at, clock_timestamp()),
           stopped_at = coalesce(w.stopped_at, clock_timestamp()), stopping = true
    WHERE  w.id = cancel_workflow.workflow_id;
    RETURN pgq.stop_workflow(workflow_id);
END
$$;

CREATE FUNCTION pgq.check_payload(payload jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
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

CREATE FUNCTION pgq.claim_keys(queues text[], keys text[], windows interval[], ids uuid[], fingerprints bytea[]) RETURNS TABLE(nth integer, task_id uuid, created boolean, same_request boolean)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH asked AS MATERIALIZED (
        SELECT ask.n::integer AS n, ask.queue, ask.key, ask.window_length, ask.id, ask.fingerprint
        FROM   unnest(queues, keys, windows, ids, fingerprints)
               WITH ORDINALITY AS ask (queue, key, window_length, id, fingerprint, n)
    ), first_of_its_key AS (
        SELECT DISTINCT ON (asked.key COLLATE "C", asked.queue COLLATE "C") asked.* FROM asked
        ORDER  BY asked.key COLLATE "C", asked.queue COLLATE "C", asked.n
    ), held AS (
        INSERT INTO pgq.idempotency_keys AS known (queue, key, task_id, fingerprint, expires_at)
        SELECT f.queue, f.key, f.id, f.fingerprint, clock_timestamp() + f.window_length
        FROM   first_of_its_key AS f
        ORDER  BY f.key COLLATE "C", f.queue COLLATE "C"
        ON CONFLICT (queue, key) DO UPDATE SET (task_id, fingerprint, expires_at, hits) = (
            SELECT CASE WHEN over THEN excluded.task_id ELSE known.task_id END,
                   CASE WHEN over THEN excluded.fingerprint ELSE known.fingerprint END,
                   CASE WHEN over THEN excluded.expires_at ELSE known.expires_at END,
                   CASE WHEN over THEN 0 ELSE known.hits + 1 END
            -- The window never ends while the task lives.
            FROM   (SELECT known.expires_at <= clock_timestamp() AND NOT pgq.is_live(known.task_id)) AS window_of (over))
        RETURNING known.queue, known.key, known.task_id, known.fingerprint, known.hits = 0 AS fresh
    )
    -- Not by the id: a caller may repeat a request under the id that it chose the first time.
    SELECT asked.n, held.task_id, held.fresh AND f.n IS NOT NULL, held.fingerprint = asked.fingerprint
    FROM   asked JOIN held ON held.queue = asked.queue AND held.key = asked.key
           LEFT JOIN first_of_its_key AS f ON f.n = asked.n
$$;

CREATE FUNCTION pgq.count_dead() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO pgq.workflow_changes (workflow_id, dead) VALUES (NEW.workflow_id, 1);
    RETURN NULL;
END
$$;

CREATE FUNCTION pgq.count_ended() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO pgq.workflow_changes (workflow_id, succeeded, cancelled, expired)
    VALUES (NEW.workflow_id, (NEW.state = 'succeeded')::integer, (NEW.state = 'cancelled')::integer, (NEW.state = 'expired')::integer);
    RETURN NULL;
END
$$;

CREATE FUNCTION pgq.end_turn(duty text, changed bigint) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    UPDATE pgq.maintenance AS m
    SET    last_seconds = extract(epoch FROM clock_timestamp() - m.last_started_at), last_changed = changed,
           failed_at = NULL, failure = NULL
    WHERE  m.duty = end_turn.duty AND current_setting('pgq.turn', true) = end_turn.duty
$$;

CREATE FUNCTION pgq.end_waiting(ids uuid[], reasons jsonb[]) RETURNS SETOF uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_nestloop TO 'off'
    AS $$
BEGIN
    RETURN QUERY
    WITH gone AS (
        DELETE FROM pgq.tasks AS t WHERE t.id = ANY (ids) AND t.state <> 'running' RETURNING t.*
    ), unlinked AS (
        DELETE FROM pgq.task_dependencies AS e WHERE e.child_id = ANY (ARRAY(SELECT gone.id FROM gone WHERE gone.state = 'blocked'))
    ), counted AS (
        INSERT INTO pgq.task_stats AS s (minute, queue, kind, worker_id, cancelled, wait, run, total, total_seconds)
        SELECT date_trunc('minute', clock_timestamp()), a.queue, a.kind, lpad(to_hex(pg_current_xact_id()::text::bigint), 32, '0')::uuid,
               count(*), pgq.histogram('{}'), pgq.histogram('{}'), pgq.histogram(array_agg(a.total)), sum(a.total)
        FROM   (SELECT gone.queue, gone.kind, greatest(date_part('epoch', statement_timestamp() - gone.created_at), 0) AS total
                FROM   gone) AS a
        GROUP  BY a.queue, a.kind
        ON CONFLICT (minute, queue, kind, worker_id) DO UPDATE SET
            cancelled = s.cancelled + excluded.cancelled, total = pgq.add_histograms(s.total, excluded.total),
            total_seconds = s.total_seconds + excluded.total_seconds
    )
    INSERT INTO pgq.task_history (
        state, error, id, lease_epoch, created_at, run_at, expires_at, started_at, cancel_requested_at, timeout_seconds,
        leased_by, priority, attempt, max_attempts, queue, kind, idempotency_key, tags, headers, payload, progress,
        depends_on, on_parent_failure, workflow_id)
    SELECT 'cancelled', coalesce(why.reason || jsonb_build_object('attempt', gone.attempt), gone.error), gone.id, gone.lease_epoch,
           gone.created_at, gone.run_at, gone.expires_at, gone.started_at, clock_timestamp(), gone.timeout_seconds, gone.leased_by,
           gone.priority, gone.attempt, gone.max_attempts, gone.queue, gone.kind, gone.idempotency_key, gone.tags, gone.headers,
           gone.payload, gone.progress, gone.depends_on, gone.on_parent_failure, gone.workflow_id
    FROM   gone JOIN unnest(ids, reasons) AS why (id, reason) ON why.id = gone.id
    RETURNING task_history.id;
END
$$;

CREATE FUNCTION pgq.fingerprint(kind text, payload jsonb) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ SELECT sha256(convert_to(kind || E'\n' || coalesce(payload, '{}')::text, 'UTF8')) $$;

CREATE FUNCTION pgq.has_huge_numbers(object jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    SELECT CASE WHEN pg_column_size(object || '{}') > 2000 THEN jsonb_path_exists(object,
        '$.** ? (@.type() == "number" && (@ > 1e308 || @ < -1e308 || (@ <> 0 && @ < 1e-308 && @ > -1e-308)))') ELSE false END
$_$;

CREATE FUNCTION pgq.histogram(durations double precision[]) RETURNS bigint[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    counts bigint[] := array_fill(0::bigint, ARRAY[cardinality(pgq.latency_bounds()) + 1]);
    duration double precision;
    bucket integer;
BEGIN
    IF durations IS NOT NULL THEN
        FOREACH duration IN ARRAY durations LOOP
            bucket := width_bucket(duration, pgq.latency_bounds()) + 1;
            counts[bucket] := counts[bucket] + 1;
        END LOOP;
    END IF;
    RETURN counts;
END
$$;

CREATE FUNCTION pgq.is_live(task_id uuid) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN EXISTS (SELECT FROM pgq.tasks AS t WHERE t.id = task_id);
END
$$;

CREATE FUNCTION pgq.join_workflow() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    node text := coalesce(NEW.headers ->> 'workflow_node', NEW.id::text);
BEGIN
    INSERT INTO pgq.workflow_tasks (workflow_id, name, task_id)
    SELECT w.id, node, NEW.id FROM pgq.workflows AS w WHERE w.id = NEW.workflow_id
    ON CONFLICT (workflow_id, name) DO NOTHING;
    IF NOT FOUND THEN
        PERFORM set_config('pgq.position', '', true);
        PERFORM pgq.refuse('name', format('%s is the name of another task of this workflow', node))
        FROM    pgq.workflows AS w WHERE w.id = NEW.workflow_id;
        PERFORM pgq.refuse('workflow_id', 'there is no such workflow');
    END IF;
    INSERT INTO pgq.workflow_changes (workflow_id, queue, total) VALUES (NEW.workflow_id, NEW.queue, 1);
    RETURN NULL;
END
$$;

CREATE FUNCTION pgq.keep_audit_log() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only appended to' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION pgq.latency_bounds() RETURNS double precision[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT ARRAY[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500,
                 1000, 2000, 5000, 10000, 20000, 50000]::double precision[]
$$;

CREATE FUNCTION pgq.look_after_children() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    children uuid[];
BEGIN
    WITH taken AS (
        DELETE FROM pgq.new_children AS n WHERE n.submitted_by = NEW.submitted_by RETURNING n.child_ids
    )
    SELECT array_agg(child.id) INTO children FROM taken, unnest(taken.child_ids) AS child (id);
    IF children IS NOT NULL THEN
        BEGIN
            PERFORM pgq.settle_children(children);
        EXCEPTION WHEN serialization_failure OR deadlock_detected OR lock_not_available THEN
            NULL;
        END;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pgq.make_partitions(days_ahead integer DEFAULT 8) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '2s'
    AS $$
DECLARE
    parent text;
    day    date;
    child  text;
    made   integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('pgq.make_partitions'));
    FOREACH parent IN ARRAY ARRAY['task_history', 'attempts', 'task_logs'] LOOP
        FOR n IN -1 .. days_ahead LOOP
            day := (now() AT TIME ZONE 'UTC')::date + n;
            child := parent || to_char(day, '_YYYYMMDD');
            CONTINUE WHEN EXISTS (SELECT FROM pg_class WHERE relname = child AND relnamespace = 'pgq'::regnamespace);
            EXECUTE format('CREATE TABLE pgq.%I (LIKE pgq.%I INCLUDING ALL)', child, parent);
            EXECUTE format('ALTER TABLE pgq.%I ATTACH PARTITION pgq.%I FOR VALUES FROM (%L) TO (%L)',
                           parent, child, day || ' 00:00:00+00', day + 1 || ' 00:00:00+00');
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;

CREATE FUNCTION pgq.note_children() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM set_config('pgq.children', '', true);
    INSERT INTO pgq.task_dependencies (parent_id, child_id)
    SELECT parent.id, s.id
    FROM   submitted AS s CROSS JOIN LATERAL unnest(s.depends_on) AS parent (id)
    WHERE  s.state = 'blocked' AND s.waits_for > 0
    ON CONFLICT DO NOTHING;
    INSERT INTO pgq.new_children (submitted_by, child_ids)
    SELECT pg_current_xact_id()::text, array_agg(s.id) FROM submitted AS s WHERE s.state = 'blocked' AND s.waits_for > 0
    HAVING count(*) > 0;
    RETURN NULL;
END
$$;

CREATE FUNCTION pgq.note_move() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO pgq.workflow_changes (workflow_id, queue) VALUES (NEW.workflow_id, NEW.queue);
    RETURN NULL;
END
$$;

CREATE FUNCTION pgq.notify_ready() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    taken   uuid;
    awaited boolean;
BEGIN
    SELECT (SELECT s.id FROM submitted AS s WHERE (SELECT true FROM pgq.dead_tasks AS d WHERE d.id = s.id) LIMIT 1),
           EXISTS (SELECT FROM pgq.waiting_workers)
    INTO   taken, awaited;
    IF taken IS NOT NULL THEN
        RAISE unique_violation USING MESSAGE = format('id: %s belongs to a dead letter; redrive it instead', taken),
            CONSTRAINT = 'dead_tasks_pkey', TABLE = 'tasks', SCHEMA = 'pgq';
    END IF;
    IF awaited THEN
        PERFORM pg_notify('pgq_ready', lane.queue)
        FROM   (SELECT DISTINCT s.queue FROM submitted AS s
                WHERE  s.state = 'pending' AND s.run_at <= clock_timestamp()) AS lane
        WHERE  EXISTS (SELECT FROM pgq.waiting_workers AS w WHERE lane.queue = ANY (w.queues));
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pgq.open_workflow(workflow_id uuid, name text, on_failure text, idempotency_key text, fingerprint bytea) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
#variable_conflict use_variable
DECLARE
    known pgq.workflows%ROWTYPE;
BEGIN
    IF name IS NULL OR char_length(name) NOT BETWEEN 1 AND 128 OR name ~ '[\x01-\x1f\x7f]' THEN
        PERFORM pgq.refuse('name', 'must have 1 to 128 characters, none of them a control character');
    ELSIF on_failure NOT IN ('cancel', 'continue') THEN
        PERFORM pgq.refuse('on_failure', format('must be cancel or continue, not %s', left(on_failure, 40)));
    ELSIF char_length(idempotency_key) NOT BETWEEN 1 AND 255 THEN
        PERFORM pgq.refuse('idempotency_key', 'must have 1 to 255 characters');
    END IF;
    INSERT INTO pgq.workflows (id, name, on_failure, idempotency_key, fingerprint)
    VALUES (workflow_id, name, coalesce(on_failure, 'cancel'), idempotency_key, fingerprint)
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    SELECT w.* INTO known FROM pgq.workflows AS w WHERE w.idempotency_key = open_workflow.idempotency_key;
    IF known.id IS NULL THEN
        PERFORM pgq.refuse('id', 'belongs to another workflow');
    ELSIF known.fingerprint IS DISTINCT FROM fingerprint THEN
        RAISE EXCEPTION USING ERRCODE = 'PQ001',
            MESSAGE = format('idempotency_key: %s was used for another workflow', idempotency_key),
            DETAIL = json_build_object('field', 'idempotency_key', 'reason', 'was used for another workflow')::text,
            HINT = 'Use a new key for a new request, or repeat the first request unchanged.';
    END IF;
    RETURN known.id;
END
$$;

CREATE FUNCTION pgq.parent_states(ids uuid[]) RETURNS TABLE(id uuid, state text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
BEGIN
    RETURN QUERY SELECT asked.id, 'live' FROM unnest(ids) AS asked (id)
    WHERE  NOT EXISTS (SELECT FROM unnest(ids) AS one (id) WHERE (SELECT true FROM pgq.tasks AS t WHERE t.id = one.id) IS NULL);
    IF FOUND OR ids = '{}' THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT asked.id, coalesce((SELECT 'live' FROM pgq.tasks AS t WHERE t.id = asked.id),
                              (SELECT 'dead' FROM pgq.dead_tasks AS d WHERE d.id = asked.id),
                              (SELECT h.state FROM pgq.task_history AS h WHERE h.id = asked.id ORDER BY h.finished_at DESC LIMIT 1))
    FROM   unnest(ids) AS asked (id);
END
$$;

CREATE FUNCTION pgq.quantile(histogram bigint[], fraction double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE WHEN b.upper IS NULL THEN b.lower ELSE b.lower + (b.upper - b.lower) * (b.wanted - b.below) / b.n END
    FROM  (SELECT h.bucket, h.n, coalesce((pgq.latency_bounds())[h.bucket - 1], 0) AS lower,
                  (pgq.latency_bounds())[h.bucket] AS upper, (sum(h.n) OVER buckets - h.n)::double precision AS below,
                  fraction * (sum(h.n) OVER ())::double precision AS wanted
           FROM   unnest(histogram) WITH ORDINALITY AS h (n, bucket)
           WINDOW buckets AS (ORDER BY h.bucket)) AS b
    WHERE  b.n > 0 AND b.below + b.n >= b.wanted
    ORDER  BY b.bucket LIMIT 1
$$;

CREATE FUNCTION pgq.redrive(task_id uuid) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    task pgq.dead_tasks%ROWTYPE;
BEGIN
    PERFORM FROM pgq.workflows AS w WHERE w.id = (SELECT d.workflow_id FROM pgq.dead_tasks AS d WHERE d.id = task_id) FOR NO KEY UPDATE;
    DELETE FROM pgq.dead_tasks AS d WHERE d.id = task_id RETURNING * INTO task;
    IF NOT FOUND THEN
        PERFORM pgq.refuse_ended(task_id, 'only a dead letter can be redriven');
    END IF;
    INSERT INTO pgq.tasks (id, lease_epoch, created_at, run_at, timeout_seconds, priority, max_attempts, queue, kind,
                           idempotency_key, tags, headers, payload, error, depends_on, on_parent_failure, workflow_id, waits_for)
    VALUES (task.id, task.lease_epoch + 1, task.created_at, clock_timestamp(), task.timeout_seconds, task.priority,
            task.max_attempts, task.queue, task.kind, task.idempotency_key, task.tags, task.headers, task.payload, task.error,
            task.depends_on, task.on_parent_failure, task.workflow_id, CASE WHEN task.depends_on IS NOT NULL THEN 0 END);
    IF task.workflow_id IS NOT NULL THEN
        INSERT INTO pgq.workflow_changes (workflow_id, dead) VALUES (task.workflow_id, -1);
        PERFORM pgq.reopen_workflow(task.workflow_id);
    END IF;
    RETURN task.id;
END
$$;

CREATE FUNCTION pgq.refuse(field text, reason text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'PQ003',
        MESSAGE = field || ': ' || reason,
        DETAIL = json_strip_nulls(json_build_object('field', field, 'reason', reason,
            'position', nullif(current_setting('pgq.position', true), '')::integer))::text;
END
$$;

CREATE FUNCTION pgq.refuse_at(nth bigint, field text, reason text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM set_config('pgq.position', nth::text, true);
    PERFORM pgq.refuse(field, reason);
END
$$;

CREATE FUNCTION pgq.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
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

CREATE FUNCTION pgq.refuse_ended(task_id uuid, why text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    found_state text := (SELECT s.state FROM pgq.task_status AS s WHERE s.id = task_id);
BEGIN
    IF found_state IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PQ007', MESSAGE = format('no task has the id %s', task_id);
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'PQ006', MESSAGE = format('task %s is %s: %s', task_id, found_state, why),
        DETAIL = json_build_object('state', found_state, 'reason', why)::text;
END
$$;

CREATE FUNCTION pgq.refuse_when_full() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    crowded pgq.queues%ROWTYPE;
BEGIN
    -- Two looks that cost next to nothing, for where no queue has a max_depth and for submits to others that have none.
    IF NOT EXISTS (SELECT FROM pgq.queues AS q WHERE q.max_depth IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT FROM pgq.queues AS q
                   WHERE  q.max_depth IS NOT NULL AND EXISTS (SELECT FROM submitted AS s WHERE s.queue = q.name)) THEN
        RETURN NULL;
    END IF;
    SELECT q.* INTO crowded FROM pgq.queues AS q
    WHERE  q.max_depth IS NOT NULL AND EXISTS (SELECT FROM submitted AS s WHERE s.queue = q.name)
    AND    pgq.waiting_tasks(q.name, q.max_depth + 1) > q.max_depth
    ORDER  BY q.name LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'PQ002',
            MESSAGE = format('queue %s is full: at most %s tasks may wait in it', crowded.name, crowded.max_depth),
            DETAIL = json_build_object('queue', crowded.name, 'max_depth', crowded.max_depth)::text,
            HINT = 'Submit again later, or fewer at once.';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pgq.refuse_workflow(workflow_id uuid, why text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    found_state text := (SELECT s.state FROM pgq.workflow_status AS s WHERE s.id = workflow_id);
BEGIN
    IF found_state IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PQ007', MESSAGE = format('no workflow has the id %s', workflow_id),
            DETAIL = '{"what": "workflow"}';
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'PQ006', MESSAGE = format('workflow %s is %s: %s', workflow_id, found_state, why),
        DETAIL = json_build_object('what', 'workflow', 'state', found_state, 'reason', why)::text;
END
$$;

CREATE FUNCTION pgq.refuse_wrong_type(tasks jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    part record;
BEGIN
    FOR part IN
        SELECT item.n - 1 AS nth, field.name, field.value
        FROM   jsonb_array_elements(tasks) WITH ORDINALITY AS item (task, n), LATERAL jsonb_each(item.task) AS field (name, value)
        WHERE  field.name = ANY ('{id,priority,run_at,expires_at,delay_seconds,max_attempts,timeout_seconds,idempotency_window_seconds,depends_on,tags}')
        ORDER  BY item.n
    LOOP
        BEGIN
            PERFORM FROM jsonb_to_record(jsonb_build_object(part.name, part.value)) AS f (
                id uuid, priority integer, run_at timestamptz, expires_at timestamptz, delay_seconds double precision,
                max_attempts integer, timeout_seconds double precision, idempotency_window_seconds double precision,
                depends_on uuid[], tags text[]);
        EXCEPTION WHEN data_exception THEN
            PERFORM pgq.refuse_at(part.nth, part.name, CASE
                WHEN part.name = 'id' THEN 'must be a UUID'
                WHEN part.name IN ('priority', 'max_attempts') THEN 'must be a whole number'
                WHEN part.name IN ('run_at', 'expires_at') THEN 'must be a time, such as 2030-01-31T09:00:00Z'
                WHEN part.name = 'depends_on' THEN 'must be a JSON array of UUIDs'
                WHEN part.name = 'tags' THEN 'must be a JSON array of texts'
                ELSE 'must be a number of seconds' END);
        END;
    END LOOP;
END
$$;

CREATE FUNCTION pgq.release_children(ended uuid[], states text[]) RETURNS bigint
    LANGUAGE plpgsql STRICT SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pgq.task_dependencies AS e WHERE e.parent_id = ANY (ended)) THEN
        RETURN 0;
    END IF;
    BEGIN
        RETURN pgq.settle_parents(ended, states);
    EXCEPTION WHEN OTHERS THEN
        RAISE WARNING 'tasks that wait for others are looked after later: %', SQLERRM;
        RETURN 0;
    END;
END
$$;

CREATE FUNCTION pgq.reopen_workflow(workflow_id uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    UPDATE pgq.workflows AS w
    SET    reopened_at = clock_timestamp(), stopped_at = NULL, stopping = false, cancel_requested_at = NULL
    WHERE  w.id = reopen_workflow.workflow_id
$$;

CREATE FUNCTION pgq.retry(task_id uuid) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    live  pgq.tasks%ROWTYPE;
    ended pgq.task_history%ROWTYPE;
    fresh uuid := pgq.uuid7();
BEGIN
    SELECT * INTO live FROM pgq.tasks AS t WHERE t.id = task_id FOR UPDATE;
    IF FOUND THEN
        IF live.state <> 'pending' THEN
            RAISE EXCEPTION USING ERRCODE = 'PQ006', MESSAGE = format('task %s is %s: it cannot be retried now', task_id, live.state),
                DETAIL = json_build_object('state', live.state, 'reason', 'it cannot be retried now')::text;
        END IF;
        UPDATE pgq.tasks AS t SET run_at = least(t.run_at, clock_timestamp()) WHERE t.id = task_id;
        PERFORM pg_notify('pgq_ready', live.queue);
        RETURN task_id;
    END IF;

    SELECT * INTO ended FROM pgq.task_history AS h WHERE h.id = task_id ORDER BY h.finished_at DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN pgq.redrive(task_id);
    END IF;
    INSERT INTO pgq.tasks (id, kind, payload, queue, priority, max_attempts, timeout_seconds, tags, headers,
                           depends_on, on_parent_failure, waits_for)
    VALUES (fresh, ended.kind, ended.payload, ended.queue, ended.priority, ended.max_attempts, ended.timeout_seconds, ended.tags,
            ended.headers - '{workflow_id,workflow_node}'::text[] || jsonb_build_object('retried_from', task_id),
            ended.depends_on, ended.on_parent_failure, CASE WHEN ended.depends_on IS NOT NULL THEN 0 END);
    IF ended.depends_on IS NOT NULL AND ended.attempt = 0 THEN
        PERFORM pgq.wait_again(ARRAY[fresh]);
    END IF;
    RETURN fresh;
END
$$;

CREATE FUNCTION pgq.retry_workflow(workflow_id uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    ids     uuid[];
    states  text[];
    others  uuid[];
    due     text[];
    crowded record;
BEGIN
    PERFORM FROM pgq.workflows AS w WHERE w.id = retry_workflow.workflow_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM pgq.refuse_workflow(workflow_id, '');
    ELSIF EXISTS (SELECT FROM pgq.workflows AS w WHERE w.id = retry_workflow.workflow_id AND w.stopping)
          OR EXISTS (SELECT FROM pgq.tasks AS t WHERE t.workflow_id = retry_workflow.workflow_id AND t.cancel_requested_at IS NOT NULL) THEN
        PERFORM pgq.refuse_workflow(workflow_id, 'its tasks are being cancelled; retry it when they have ended');
    END IF;

    WITH dead AS (
        DELETE FROM pgq.dead_tasks AS d WHERE d.workflow_id = retry_workflow.workflow_id
        RETURNING d.id, d.lease_epoch, d.created_at, d.run_at, d.timeout_seconds, d.priority, d.max_attempts, d.queue, d.kind,
                  d.idempotency_key, d.tags, d.headers, d.payload, d.error, d.depends_on, d.on_parent_failure, 'dead' AS state
    ), stopped AS (
        DELETE FROM pgq.task_history AS h
        WHERE  h.workflow_id = retry_workflow.workflow_id AND h.state IN ('cancelled', 'expired')
        RETURNING h.id, h.lease_epoch, h.created_at, h.run_at, h.timeout_seconds, h.priority, h.max_attempts, h.queue, h.kind,
                  h.idempotency_key, h.tags, h.headers, h.payload, h.error, h.depends_on, h.on_parent_failure, h.state
    ), back AS MATERIALIZED (
        SELECT * FROM dead UNION ALL SELECT * FROM stopped
    ), inserted AS (
        INSERT INTO pgq.tasks (id, state, lease_epoch, created_at, run_at, timeout_seconds, priority, max_attempts, queue, kind,
                               idempotency_key, tags, headers, payload, error, depends_on, on_parent_failure, workflow_id, waits_for)
        SELECT back.id, 'blocked', back.lease_epoch + 1, back.created_at, greatest(back.run_at, clock_timestamp()), back.timeout_seconds,
               back.priority, back.max_attempts, back.queue, back.kind, back.idempotency_key, back.tags, back.headers, back.payload,
               back.error, back.depends_on, back.on_parent_failure, retry_workflow.workflow_id,
               CASE WHEN back.depends_on IS NOT NULL THEN 0 END
        FROM   back ORDER BY back.id
    )
    SELECT array_agg(back.id), array_agg(back.state) INTO ids, states FROM back;
    IF ids IS NULL THEN
        PERFORM pgq.refuse_workflow(workflow_id, 'nothing of it has failed or was cancelled');
    END IF;
    others := ARRAY(SELECT t.id FROM pgq.tasks AS t
                    WHERE  t.workflow_id = retry_workflow.workflow_id AND t.on_parent_failure = 'run' AND t.attempt = 0
                    ORDER  BY t.id FOR NO KEY UPDATE);
    PERFORM pgq.wait_again(ids || others);
    due := ARRAY(SELECT DISTINCT t.queue FROM pgq.tasks AS t
                 WHERE  t.id = ANY (ids) AND t.state = 'blocked' AND coalesce(t.waits_for, 0) = 0);
    SELECT q.name, q.max_depth INTO crowded FROM pgq.queues AS q
    WHERE  q.name = ANY (due) AND pgq.waiting_tasks(q.name, q.max_depth) >= q.max_depth ORDER BY q.name LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'PQ002',
            MESSAGE = format('queue %s is full: at most %s tasks may wait in it; nothing came back, retry workflow %s when fewer do',
                             crowded.name, crowded.max_depth, workflow_id),
            DETAIL = json_build_object('queue', crowded.name, 'max_depth', crowded.max_depth)::text;
    END IF;
    UPDATE pgq.tasks AS t SET state = 'pending' WHERE t.id = ANY (ids) AND t.state = 'blocked' AND coalesce(t.waits_for, 0) = 0;
    PERFORM pg_notify('pgq_ready', lane.queue) FROM unnest(due) AS lane (queue)
    WHERE   EXISTS (SELECT FROM pgq.waiting_workers AS w WHERE lane.queue = ANY (w.queues));

    INSERT INTO pgq.workflow_changes (workflow_id, dead, cancelled, expired)
    VALUES (retry_workflow.workflow_id, -cardinality(array_positions(states, 'dead')),
            -cardinality(array_positions(states, 'cancelled')), -cardinality(array_positions(states, 'expired')));
    PERFORM pgq.reopen_workflow(workflow_id);
    RETURN cardinality(ids);
END
$$;

CREATE FUNCTION pgq.rfc3339(moment timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;

CREATE FUNCTION pgq.settle_children(children uuid[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    parents uuid[] := ARRAY(SELECT DISTINCT e.parent_id FROM pgq.task_dependencies AS e WHERE e.child_id = ANY (children));
    own     xid := pg_current_xact_id()::xid;
    held    uuid[];
    ended   uuid[];
    states  text[];
    live    uuid[];
BEGIN
    LOOP
        -- What this transaction has submitted itself, nobody else can end.
        held := ARRAY(SELECT t.id FROM pgq.tasks AS t WHERE t.id = ANY (parents) AND t.xmin <> own
                      ORDER BY t.state = 'blocked', t.id FOR KEY SHARE);
        PERFORM FROM pgq.dead_tasks AS d WHERE d.id = ANY (parents) ORDER BY d.id FOR KEY SHARE;
        SELECT array_agg(s.id) FILTER (WHERE s.state IS DISTINCT FROM 'live'),
               array_agg(coalesce(s.state, 'forgotten')) FILTER (WHERE s.state IS DISTINCT FROM 'live'),
               array_agg(s.id) FILTER (WHERE s.state = 'live')
        INTO   ended, states, live
        FROM   pgq.parent_states(parents) AS s;
        -- Again, if a dead letter was redriven between the two looks.
        EXIT WHEN NOT EXISTS (SELECT unnest(live) EXCEPT SELECT unnest(held)
                              EXCEPT SELECT t.id FROM pgq.tasks AS t WHERE t.id = ANY (live) AND t.xmin = own);
    END LOOP;
    RETURN CASE WHEN ended IS NULL THEN 0 ELSE pgq.settle_parents(ended, states) END;
END
$$;

CREATE FUNCTION pgq.settle_parents(ended uuid[], states text[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_nestloop TO 'off'
    AS $$
DECLARE
    children       uuid[] := '{}';  -- those to cancel, with the parent that each is cancelled for
    culprits       uuid[] := '{}';
    culprit_states text[] := '{}';
    found          record;
    level          uuid[];
    level_states   text[];
    locked         uuid[];  -- all whose number of parents changes, and those to cancel
    cancelled      bigint;
    released       bigint;
    queues         text[];
BEGIN
    LOOP
        level := ended || children;
        level_states := states || array_fill('cancelled'::text, ARRAY[cardinality(children)]);
        LOOP
            WITH failed AS MATERIALIZED (
                SELECT p.id, p.state FROM unnest(level, level_states) AS p (id, state) WHERE p.state <> 'succeeded'
            ), hit AS MATERIALIZED (
                SELECT DISTINCT ON (e.child_id) e.child_id, failed.id, failed.state
                FROM   failed
                       CROSS JOIN LATERAL (SELECT d.child_id FROM pgq.task_dependencies AS d WHERE d.parent_id = failed.id OFFSET 0) AS e
                       CROSS JOIN LATERAL (SELECT r.on_parent_failure FROM pgq.tasks AS r
                                           WHERE r.id = e.child_id AND r.state = 'blocked' AND r.waits_for > 0 OFFSET 0) AS t
                WHERE  CASE t.on_parent_failure WHEN 'run' THEN false WHEN 'wait' THEN failed.state <> 'dead' ELSE true END
                ORDER  BY e.child_id, failed.id
            ), fresh AS (
                SELECT hit.child_id AS id FROM hit EXCEPT SELECT unnest(children)
            )
            SELECT array_agg(hit.child_id) AS ids, array_agg(hit.id) AS parents, array_agg(hit.state) AS states INTO found
            FROM   hit JOIN fresh ON fresh.id = hit.child_id;
            EXIT WHEN found.ids IS NULL;
            children := children || found.ids;
            culprits := culprits || found.parents;
            culprit_states := culprit_states || found.states;
            level := found.ids;
            level_states := array_fill('cancelled'::text, ARRAY[cardinality(level)]);
        END LOOP;
        level := ARRAY(
            SELECT DISTINCT e.child_id
            FROM   unnest(ended || children) AS p (id)
                   CROSS JOIN LATERAL (SELECT d.child_id FROM pgq.task_dependencies AS d WHERE d.parent_id = p.id OFFSET 0) AS e
            ORDER  BY 1);
        EXIT WHEN level = locked;
        locked := level;
        -- And look once more: what waits for one of these may have been committed before that was locked.
        IF children = '{}' THEN
            PERFORM FROM pgq.tasks AS t WHERE t.id = ANY (locked) ORDER BY t.id FOR NO KEY UPDATE;
        ELSE
            PERFORM FROM pgq.tasks AS t WHERE t.id = ANY (locked) ORDER BY t.id FOR UPDATE;
        END IF;
    END LOOP;

    IF children <> '{}' THEN
        SELECT count(*) INTO cancelled
        FROM   pgq.end_waiting(children, ARRAY(
            SELECT jsonb_build_object('type', 'ParentFailed', 'message', format('its parent %s is %s', why.parent, why.state),
                                      'traceback', '', 'at', pgq.rfc3339(clock_timestamp()))
            FROM   unnest(culprits, culprit_states) WITH ORDINALITY AS why (parent, state, n) ORDER BY why.n));
    END IF;

    WITH over AS MATERIALIZED (
        SELECT e.place
        FROM   unnest(ended || children, states || array_fill('cancelled'::text, ARRAY[cardinality(children)])) AS p (id, state)
               CROSS JOIN LATERAL (SELECT d.ctid AS place, d.child_id FROM pgq.task_dependencies AS d WHERE d.parent_id = p.id OFFSET 0) AS e
               CROSS JOIN LATERAL (SELECT r.on_parent_failure FROM pgq.tasks AS r WHERE r.id = e.child_id OFFSET 0) AS t
               JOIN unnest(locked) AS mine (id) ON mine.id = e.child_id
        WHERE  NOT (p.state = 'dead' AND t.on_parent_failure IS NOT DISTINCT FROM 'wait')
    ), gone AS (
        DELETE FROM pgq.task_dependencies AS e WHERE e.ctid = ANY (ARRAY(SELECT over.place FROM over)) RETURNING e.child_id
    ), fewer AS MATERIALIZED (
        SELECT gone.child_id, count(*)::integer AS n FROM gone GROUP BY gone.child_id
    ), counted AS (
        UPDATE pgq.tasks AS t
        SET    waits_for = t.waits_for - fewer.n,
               state = CASE WHEN t.waits_for <= fewer.n THEN 'pending' ELSE t.state END,
               run_at = CASE WHEN t.waits_for <= fewer.n THEN greatest(t.run_at, clock_timestamp()) ELSE t.run_at END
        FROM   fewer
        WHERE  t.id = fewer.child_id AND t.id = ANY (locked) AND t.state = 'blocked' AND t.waits_for > 0
        RETURNING t.queue, t.state, t.run_at
    )
    SELECT count(*), array_agg(DISTINCT counted.queue) FILTER (WHERE counted.state = 'pending' AND counted.run_at <= clock_timestamp())
    INTO   released, queues
    FROM   counted;

    PERFORM pg_notify('pgq_ready', lane.queue) FROM unnest(queues) AS lane (queue)
    WHERE   EXISTS (SELECT FROM pgq.waiting_workers AS w WHERE lane.queue = ANY (w.queues));
    RETURN coalesce(cancelled, 0) + released;
END
$$;

CREATE FUNCTION pgq.stop_workflow(workflow_id uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    flow    pgq.workflows%ROWTYPE;
    reason  jsonb;
    told    integer;
    waiting uuid[];
    ended   uuid[];
BEGIN
    SELECT * INTO flow FROM pgq.workflows AS w WHERE w.id = stop_workflow.workflow_id FOR NO KEY UPDATE;
    IF flow.cancel_requested_at IS NULL THEN
        reason := jsonb_build_object('type', 'WorkflowFailed', 'traceback', '', 'at', pgq.rfc3339(clock_timestamp()),
            'message', coalesce((SELECT format('task %s of its workflow is dead', m.name)
                                 FROM   (SELECT d.id, d.finished_at FROM pgq.dead_tasks AS d WHERE d.workflow_id = flow.id OFFSET 0) AS dead
                                        JOIN pgq.workflow_tasks AS m ON m.task_id = dead.id
                                 ORDER  BY dead.finished_at LIMIT 1),
                                'a task of its workflow has failed'));
    END IF;

    WITH running AS MATERIALIZED (
        SELECT t.id FROM pgq.tasks AS t
        WHERE  t.workflow_id = flow.id AND t.state = 'running' AND t.cancel_requested_at IS NULL
        AND    (flow.cancel_requested_at IS NOT NULL OR t.on_parent_failure IS DISTINCT FROM 'run')
        ORDER  BY t.id FOR NO KEY UPDATE SKIP LOCKED
    ), asked AS (
        UPDATE pgq.tasks AS t SET cancel_requested_at = clock_timestamp() FROM running WHERE t.id = running.id RETURNING t.id
    )
    SELECT count(pg_notify('pgq_cancel', asked.id::text)::text) INTO told FROM asked;

    waiting := ARRAY(
        SELECT t.id FROM pgq.tasks AS t
        WHERE  t.workflow_id = flow.id AND t.state <> 'running'
        AND    (flow.cancel_requested_at IS NOT NULL OR t.on_parent_failure IS DISTINCT FROM 'run')
        ORDER  BY t.id FOR UPDATE SKIP LOCKED);
    ended := ARRAY(SELECT pgq.end_waiting(waiting, array_fill(reason, ARRAY[cardinality(waiting)])));
    PERFORM pgq.release_children(ended, array_fill('cancelled'::text, ARRAY[cardinality(ended)]));

    UPDATE pgq.workflows AS w SET stopping = false
    WHERE  w.id = flow.id AND w.stopping
    AND    NOT EXISTS (SELECT FROM pgq.tasks AS t
                       WHERE  t.workflow_id = flow.id AND t.cancel_requested_at IS NULL
                       AND    (flow.cancel_requested_at IS NOT NULL OR t.on_parent_failure IS DISTINCT FROM 'run'));
    RETURN told + cardinality(ended);
END
$$;

CREATE FUNCTION pgq.submit(kind text, payload jsonb DEFAULT '{}'::jsonb, queue text DEFAULT NULL::text, priority integer DEFAULT NULL::integer, delay interval DEFAULT NULL::interval, run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, max_attempts integer DEFAULT NULL::integer, timeout interval DEFAULT NULL::interval, key text DEFAULT NULL::text, key_window interval DEFAULT NULL::interval, concurrency_key text DEFAULT NULL::text, unique_key text DEFAULT NULL::text, on_conflict text DEFAULT NULL::text, depends_on uuid[] DEFAULT NULL::uuid[], on_parent_failure text DEFAULT NULL::text, tags text[] DEFAULT NULL::text[], headers jsonb DEFAULT NULL::jsonb) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
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

CREATE FUNCTION pgq.submit_many(tasks jsonb) RETURNS TABLE("position" integer, id uuid, created boolean)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
#variable_conflict use_column
DECLARE
    fields     CONSTANT text[] := '{kind,payload,id,queue,priority,run_at,expires_at,delay_seconds,max_attempts,timeout_seconds,idempotency_key,idempotency_window_seconds,depends_on,on_parent_failure,workflow_id,tags,headers,defaults}';
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
            timeout_seconds double precision, idempotency_window_seconds double precision, depends_on uuid[], workflow_id uuid, tags text[]);
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
                          workflow_id uuid, tags text[], headers jsonb, defaults jsonb))
               WITH ORDINALITY AS t (kind, payload, id, queue, priority, run_at, expires_at, delay_seconds, max_attempts,
                                     timeout_seconds, idempotency_key, depends_on, on_parent_failure, workflow_id, tags, headers,
                                     defaults, n)
               LEFT JOIN pgq.kinds AS k ON k.kind = t.kind
               LEFT JOIN pgq.queues AS q ON q.name = coalesce(t.queue, k.queue, t.defaults ->> 'queue', 'default')
               LEFT JOIN unnest(held_nth, held_ids, held_new) AS held (nth, id, created) ON held.nth = t.n
    ), inserted AS (
        INSERT INTO pgq.tasks (id, kind, payload, queue, priority, run_at, expires_at, max_attempts, timeout_seconds,
                               idempotency_key, depends_on, on_parent_failure, workflow_id, tags, headers)
        -- In their order, so that one may depend on another that stands before it. The trigger that takes this row in may refuse it, and then says where it stands.
        SELECT w.task_id, CASE WHEN set_config('pgq.position', (w.n - 1)::text, true) <> '' THEN w.kind END, w.payload,
               coalesce(w.queue, w.kind_queue, w.defaults ->> 'queue'),
               coalesce(w.priority, w.kind_priority, (w.defaults ->> 'priority')::integer),
               w.due_at, w.expires_at,
               coalesce(w.max_attempts, w.kind_attempts, (w.defaults ->> 'max_attempts')::integer),
               coalesce(w.timeout_seconds, w.kind_timeout, w.queue_timeout, (w.defaults ->> 'timeout_seconds')::double precision),
               w.idempotency_key, w.depends_on, w.on_parent_failure, w.workflow_id, w.tags, w.headers
        FROM   (SELECT wanted.* FROM wanted WHERE wanted.is_new ORDER BY wanted.n OFFSET 0) AS w
    )
    SELECT (w.n - 1)::integer, w.task_id, w.is_new FROM wanted AS w ORDER BY w.n;
    PERFORM set_config('pgq.position', '', true);
END
$_$;

CREATE FUNCTION pgq.submit_workflow(workflow jsonb) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    unknown  text;
    given_id uuid;
    known_id uuid;
BEGIN
    IF workflow IS NULL OR jsonb_typeof(workflow) <> 'object' THEN
        PERFORM pgq.refuse('workflow', 'must be a JSON object');
    END IF;
    SELECT field.name INTO unknown FROM jsonb_object_keys(workflow - '{id,name,on_failure,idempotency_key,tasks,rest}'::text[]) AS field (name) LIMIT 1;
    IF unknown IS NOT NULL THEN
        PERFORM pgq.refuse(unknown, 'is not a field of a workflow');
    END IF;
    BEGIN
        given_id := coalesce((workflow ->> 'id')::uuid, pgq.uuid7());
    EXCEPTION WHEN data_exception THEN
        PERFORM pgq.refuse('id', 'must be a UUID');
    END;
    IF jsonb_typeof(workflow -> 'idempotency_key') NOT IN ('string', 'null') THEN
        PERFORM pgq.refuse('idempotency_key', 'must have 1 to 255 characters');
    END IF;
    known_id := pgq.open_workflow(given_id, workflow ->> 'name', workflow ->> 'on_failure', workflow ->> 'idempotency_key',
        CASE WHEN workflow ->> 'idempotency_key' IS NOT NULL THEN pgq.workflow_fingerprint(workflow) END);
    IF known_id IS NOT NULL THEN
        RETURN known_id;
    END IF;
    PERFORM pgq.add_workflow_tasks(given_id, workflow -> 'tasks');
    RETURN given_id;
END
$$;

CREATE FUNCTION pgq.take_turn(duty text, worker uuid, period interval, hold interval) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
DECLARE
    post pgq.maintenance%ROWTYPE;
BEGIN
    PERFORM set_config('pgq.turn', '', true);
    IF NOT pg_try_advisory_xact_lock(hashtext('pgq.duty'), hashtext(duty)) THEN
        RETURN false;
    END IF;
    -- A statement of its own: it sees what the last holder of the lock committed.
    SELECT * INTO post FROM pgq.maintenance AS m WHERE m.duty = duty;
    IF post.last_started_at > clock_timestamp() THEN
        post.next_due_at := '-infinity';
        post.held_until := NULL;
    END IF;
    IF post.next_due_at > clock_timestamp() THEN
        RETURN false;
    END IF;
    IF hold IS NOT NULL AND post.last_started_at < clock_timestamp() - greatest(period * 30, interval '30 s') THEN
        post.held_until := clock_timestamp() + hold;
    END IF;
    UPDATE pgq.maintenance AS m
    SET    next_due_at = clock_timestamp() + period, last_started_at = clock_timestamp(), last_run_by = worker,
           runs = m.runs + 1, held_until = post.held_until
    WHERE  m.duty = duty;
    IF NOT FOUND OR post.held_until > clock_timestamp() THEN
        RETURN false;
    END IF;
    PERFORM set_config('pgq.turn', duty, true);
    RETURN true;
END
$$;

CREATE FUNCTION pgq.unblock_stranded(at_most integer, just uuid DEFAULT NULL::uuid) RETURNS uuid[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
#variable_conflict use_variable
DECLARE
    nowhere CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    place     uuid[] := coalesce((SELECT m.place FROM pgq.maintenance AS m WHERE m.duty = 'unblocker'), ARRAY[nowhere, nowhere, nowhere]);
    last_edge pgq.task_dependencies%ROWTYPE;
    last_task uuid;
    orphans   uuid[];
    children  uuid[];
    states    text[];
    bare      uuid[];
BEGIN
    -- Where each walk ends this time; NULL: at the end of the table, so that the next one begins anew.
    SELECT e.* INTO last_edge FROM pgq.task_dependencies AS e
    WHERE  (e.parent_id, e.child_id) > (place[1], place[2]) ORDER BY e.parent_id, e.child_id OFFSET at_most - 1 LIMIT 1;
    SELECT t.id INTO last_task FROM pgq.tasks AS t WHERE t.state = 'blocked' AND t.id > place[3] ORDER BY t.id OFFSET at_most - 1 LIMIT 1;

    WITH stretch AS MATERIALIZED (
        SELECT e.parent_id, e.child_id FROM pgq.task_dependencies AS e
        WHERE  (e.parent_id, e.child_id) > (place[1], place[2]) AND just IS NULL
        AND    (last_edge.parent_id IS NULL OR (e.parent_id, e.child_id) <= (last_edge.parent_id, last_edge.child_id))
        UNION ALL
        SELECT e.parent_id, e.child_id FROM pgq.task_dependencies AS e WHERE e.child_id = just
    ), stranded AS (
        SELECT s.parent_id, s.child_id FROM stretch AS s
        WHERE  (SELECT true FROM pgq.tasks AS p WHERE p.id = s.parent_id) IS NULL
        AND    NOT ((SELECT true FROM pgq.dead_tasks AS d WHERE d.id = s.parent_id) IS NOT NULL
                    AND coalesce((SELECT c.on_parent_failure = 'wait' FROM pgq.tasks AS c WHERE c.id = s.child_id), false))
    )
    SELECT array_agg(DISTINCT s.parent_id), array_agg(DISTINCT s.child_id) INTO orphans, children FROM stranded AS s;

    IF orphans IS NOT NULL THEN
        -- Of children that are gone, nothing is left to settle.
        DELETE FROM pgq.task_dependencies AS e
        WHERE  e.child_id = ANY (children) AND (SELECT true FROM pgq.tasks AS t WHERE t.id = e.child_id) IS NULL;
        SELECT array_agg(p.id), array_agg(coalesce(p.state, 'forgotten')) INTO orphans, states
        FROM   pgq.parent_states(orphans) AS p WHERE p.state IS DISTINCT FROM 'live';
        IF orphans IS NOT NULL THEN
            PERFORM pgq.settle_parents(orphans, states);
        END IF;
    END IF;

    bare := ARRAY(
        SELECT t.id FROM pgq.tasks AS t
        WHERE  t.state = 'blocked' AND t.waits_for > 0 AND (just IS NULL OR t.id = just)
        AND    t.id > CASE WHEN just IS NULL THEN place[3] ELSE nowhere END AND (last_task IS NULL OR just IS NOT NULL OR t.id <= last_task)
        AND    (SELECT true FROM pgq.task_dependencies AS e WHERE e.child_id = t.id LIMIT 1) IS NULL
        ORDER  BY t.id
        FOR    UPDATE SKIP LOCKED);
    IF bare <> '{}' THEN
        -- Its parents are asked anew, as if it had just been submitted.
        INSERT INTO pgq.task_dependencies (parent_id, child_id)
        SELECT parent.id, t.id FROM pgq.tasks AS t CROSS JOIN LATERAL unnest(t.depends_on) AS parent (id) WHERE t.id = ANY (bare)
        ON CONFLICT DO NOTHING;
        UPDATE pgq.tasks AS t
        SET    waits_for = coalesce(cardinality(t.depends_on), 0),
               state = CASE WHEN t.depends_on IS NULL THEN 'pending' ELSE 'blocked' END,
               run_at = CASE WHEN t.depends_on IS NULL THEN greatest(t.run_at, clock_timestamp()) ELSE t.run_at END
        WHERE  t.id = ANY (bare);
        PERFORM pgq.settle_children(bare);
    END IF;

    IF just IS NULL THEN
        UPDATE pgq.maintenance AS m
        SET    place = ARRAY[coalesce(last_edge.parent_id, nowhere), coalesce(last_edge.child_id, nowhere), coalesce(last_task, nowhere)]
        WHERE  m.duty = 'unblocker';
    END IF;
    RETURN coalesce(children, '{}') || bare;
END
$$;

CREATE FUNCTION pgq.uuid7() RETURNS uuid
    LANGUAGE sql PARALLEL SAFE
    RETURN ((OVERLAY(lpad(to_hex((floor((EXTRACT(epoch FROM clock_timestamp()) * (4096000)::numeric)))::bigint), 15, '0'::text) PLACING '7'::text FROM 13 FOR 0) || substr((gen_random_uuid())::text, 20)))::uuid;

CREATE FUNCTION pgq.wait_again(children uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
BEGIN
    WITH waits AS MATERIALIZED (
        SELECT parent.id AS parent_id, t.id AS child_id
        FROM   pgq.tasks AS t CROSS JOIN LATERAL unnest(t.depends_on) AS parent (id)
        WHERE  t.id = ANY (children) AND t.state <> 'running'
        AND    (SELECT true FROM pgq.tasks AS p WHERE p.id = parent.id)
    ), noted AS (
        INSERT INTO pgq.task_dependencies (parent_id, child_id) SELECT w.parent_id, w.child_id FROM waits AS w
        ON CONFLICT DO NOTHING
    ), blocked AS (
        UPDATE pgq.tasks AS t SET state = 'blocked', waits_for = w.n
        FROM   (SELECT waits.child_id, count(*)::integer AS n FROM waits GROUP BY waits.child_id) AS w
        WHERE  t.id = w.child_id AND t.id = ANY (children)
        RETURNING t.id
    )
    INSERT INTO pgq.new_children (submitted_by, child_ids)
    SELECT pg_current_xact_id()::text, array_agg(blocked.id) FROM blocked HAVING count(*) > 0;
END
$$;

CREATE FUNCTION pgq.waiting_tasks(queue text, most integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
BEGIN
    RETURN (SELECT count(*)
            FROM   (SELECT FROM pgq.tasks AS t WHERE t.queue = waiting_tasks.queue AND t.state = 'pending' LIMIT most) AS counted);
END
$$;

CREATE FUNCTION pgq.workflow_elements(workflow_id uuid, tasks jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $_$
#variable_conflict use_variable
DECLARE
    an_id   CONSTANT text := '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$';
    most    CONSTANT integer := 20000;
    flow    pgq.workflow_status%ROWTYPE;
    bad     record;
    ids     uuid[];
    places  jsonb;
    members jsonb;
BEGIN
    SELECT s.* INTO flow FROM pgq.workflow_status AS s WHERE s.id = workflow_id;
    IF flow.id IS NULL THEN
        PERFORM pgq.refuse_workflow(workflow_id, '');
    ELSIF flow.state <> 'running' THEN
        PERFORM pgq.refuse_workflow(workflow_id, 'only one that runs takes more tasks');
    ELSIF flow.stopped_at IS NOT NULL THEN
        PERFORM pgq.refuse_workflow(workflow_id, 'its tasks are being cancelled, so it takes no more');
    ELSIF tasks IS NULL OR jsonb_typeof(tasks) <> 'array' OR jsonb_array_length(tasks) NOT BETWEEN 1 AND most THEN
        PERFORM pgq.refuse('tasks', format('must be a JSON array of 1 to %s objects', most));
    END IF;

    SELECT item.n - 1 AS nth, wrong.field, wrong.reason INTO bad
    FROM   jsonb_array_elements(tasks) WITH ORDINALITY AS item (task, n), LATERAL (SELECT
           CASE WHEN jsonb_typeof(item.task) <> 'object' THEN ARRAY['tasks', 'must hold objects only']
                WHEN jsonb_typeof(item.task -> 'name') IS DISTINCT FROM 'string'
                     OR char_length(item.task ->> 'name') NOT BETWEEN 1 AND 128 OR item.task ->> 'name' ~ '[\x01-\x1f\x7f]'
                THEN ARRAY['name', 'must have 1 to 128 characters, none of them a control character']
                WHEN item.task ->> 'name' ~ an_id THEN ARRAY['name', 'must not look like an id']
                WHEN jsonb_typeof(item.task -> 'id') = 'string' AND item.task ->> 'id' ~ an_id IS NOT TRUE THEN ARRAY['id', 'must be a UUID']
                WHEN item.task ->> 'idempotency_key' IS NOT NULL
                THEN ARRAY['idempotency_key', 'is not for the tasks of a workflow: their names are unique in it']
                WHEN jsonb_typeof(item.task -> 'depends_on') NOT IN ('array', 'null')
                     OR jsonb_path_exists(item.task, '$.depends_on[*] ? (@.type() != "string")')
                THEN ARRAY['depends_on', 'must be an array of names'] END AS said) AS checked,
           LATERAL (SELECT checked.said[1] AS field, checked.said[2] AS reason) AS wrong
    WHERE  checked.said IS NOT NULL ORDER BY item.n LIMIT 1;
    IF FOUND THEN
        PERFORM pgq.refuse_at(bad.nth, bad.field, bad.reason);
    END IF;

    SELECT array_agg(coalesce((item.task ->> 'id')::uuid, pgq.uuid7()) ORDER BY item.n), jsonb_object_agg(item.task ->> 'name', item.n)
    INTO   ids, places
    FROM   jsonb_array_elements(tasks) WITH ORDINALITY AS item (task, n);

    -- Of equal names the object keeps the last place.
    SELECT item.n - 1 AS nth, item.task ->> 'name' AS name INTO bad
    FROM   jsonb_array_elements(tasks) WITH ORDINALITY AS item (task, n)
    WHERE  (places ->> (item.task ->> 'name'))::bigint > item.n
           OR EXISTS (SELECT FROM pgq.workflow_tasks AS m WHERE m.workflow_id = flow.id AND m.name = item.task ->> 'name')
    ORDER  BY item.n LIMIT 1;
    IF FOUND THEN
        PERFORM pgq.refuse_at(bad.nth, 'name', format('%s is the name of another task of this workflow', bad.name));
    END IF;

    SELECT jsonb_object_agg(m.name, m.task_id) INTO members
    FROM   pgq.workflow_tasks AS m
    WHERE  m.workflow_id = flow.id AND m.name IN (
           SELECT parent.name FROM jsonb_array_elements(tasks) AS item (task),
                  LATERAL jsonb_array_elements_text(nullif(item.task -> 'depends_on', 'null')) AS parent (name)
           WHERE  NOT places ? parent.name);

    RETURN (
        SELECT jsonb_agg(item.task - 'name'
               || jsonb_build_object(
                      'id', ids[item.n], 'workflow_id', flow.id,
                      'headers', CASE WHEN jsonb_typeof(item.task -> 'headers') NOT IN ('object', 'null') THEN item.task -> 'headers'
                                 ELSE coalesce(nullif(item.task -> 'headers', 'null'), '{}')
                                      || jsonb_build_object('workflow_id', flow.id, 'workflow_node', item.task -> 'name') END,
                      'depends_on', parents.ids)
               ORDER BY item.n)
        FROM   jsonb_array_elements(tasks) WITH ORDINALITY AS item (task, n), LATERAL (
               SELECT jsonb_agg(CASE
                      WHEN (places ->> parent.name)::bigint < item.n THEN to_jsonb(ids[(places ->> parent.name)::bigint])
                      WHEN (places ->> parent.name)::bigint = item.n
                      THEN to_jsonb(pgq.refuse_at(item.n - 1, 'depends_on', 'a task cannot depend on itself')::text)
                      WHEN places ? parent.name
                      THEN to_jsonb(pgq.refuse_at(item.n - 1, 'depends_on', format('%s stands behind it; parents come first', parent.name))::text)
                      WHEN members ? parent.name THEN members -> parent.name
                      WHEN parent.name ~ an_id THEN to_jsonb(parent.name)
                      ELSE to_jsonb(pgq.refuse_at(item.n - 1, 'depends_on',
                                    format('no task of this workflow is called %s', left(parent.name, 128)))::text) END
                      ORDER BY parent.k) AS ids
               FROM   jsonb_array_elements_text(nullif(item.task -> 'depends_on', 'null')) WITH ORDINALITY AS parent (name, k)) AS parents);
END
$_$;

CREATE FUNCTION pgq.workflow_fingerprint(workflow jsonb) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT sha256(convert_to(jsonb_build_array(
               workflow ->> 'name', coalesce(workflow ->> 'on_failure', 'cancel'), workflow ->> 'rest', jsonb_agg(jsonb_build_array(
                   item.task ->> 'name', item.task ->> 'kind', coalesce(nullif(item.task -> 'payload', 'null'), '{}'),
                   coalesce(nullif(item.task -> 'depends_on', 'null'), '[]'), item.task ->> 'on_parent_failure') ORDER BY item.n))::text, 'UTF8'))
    FROM   jsonb_array_elements(CASE jsonb_typeof(workflow -> 'tasks') WHEN 'array' THEN workflow -> 'tasks' ELSE '[]' END)
           WITH ORDINALITY AS item (task, n)
$$;

CREATE AGGREGATE pgq.sum_histograms(bigint[]) (
    SFUNC = pgq.add_histograms,
    STYPE = bigint[],
    COMBINEFUNC = pgq.add_histograms,
    PARALLEL = safe
);

CREATE TABLE pgq.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE pgq.api_tokens (
    id text NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    queues text[] DEFAULT '{}'::text[] NOT NULL,
    secret_hash bytea NOT NULL,
    previous_hash bytea,
    previous_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    created_by text NOT NULL,
    rotated_at timestamp with time zone,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT token_hash CHECK (((octet_length(secret_hash) = 32) AND (octet_length(previous_hash) = 32))),
    CONSTRAINT token_id CHECK ((id ~ '^[0-9a-f]{16}$'::text)),
    CONSTRAINT token_name CHECK (((char_length(name) >= 1) AND (char_length(name) <= 128))),
    CONSTRAINT token_queues CHECK ((cardinality(queues) <= 100)),
    CONSTRAINT token_scopes CHECK (((cardinality(scopes) > 0) AND (scopes <@ ARRAY['submit'::text, 'read'::text, 'operate'::text, 'work'::text, 'exec'::text, 'admin'::text])))
);

CREATE TABLE pgq.attempts (
    task_id uuid NOT NULL,
    lease_epoch bigint NOT NULL,
    failed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    started_at timestamp with time zone,
    worker_id uuid,
    attempt integer NOT NULL,
    error jsonb NOT NULL
)
PARTITION BY RANGE (failed_at);

CREATE TABLE pgq.audit_log (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor text NOT NULL,
    token_id text,
    action text NOT NULL,
    target text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    request_id text DEFAULT ''::text NOT NULL,
    address text DEFAULT ''::text NOT NULL
);

ALTER TABLE pgq.audit_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pgq.audit_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pgq.task_minutes (
    minute timestamp with time zone NOT NULL,
    succeeded bigint NOT NULL,
    failed bigint NOT NULL,
    dead bigint NOT NULL,
    cancelled bigint NOT NULL,
    expired bigint NOT NULL,
    wait_seconds double precision NOT NULL,
    run_seconds double precision NOT NULL,
    total_seconds double precision NOT NULL,
    queue text NOT NULL,
    kind text NOT NULL,
    wait bigint[] NOT NULL,
    run bigint[] NOT NULL,
    total bigint[] NOT NULL
);

CREATE TABLE pgq.task_stats (
    minute timestamp with time zone NOT NULL,
    worker_id uuid NOT NULL,
    succeeded bigint DEFAULT 0 NOT NULL,
    failed bigint DEFAULT 0 NOT NULL,
    dead bigint DEFAULT 0 NOT NULL,
    cancelled bigint DEFAULT 0 NOT NULL,
    expired bigint DEFAULT 0 NOT NULL,
    wait_seconds double precision DEFAULT 0 NOT NULL,
    run_seconds double precision DEFAULT 0 NOT NULL,
    total_seconds double precision DEFAULT 0 NOT NULL,
    queue text NOT NULL,
    kind text NOT NULL,
    wait bigint[] NOT NULL,
    run bigint[] NOT NULL,
    total bigint[] NOT NULL
)
WITH (fillfactor='50');

CREATE VIEW pgq.counts_by_minute AS
 SELECT m.minute,
    m.queue,
    m.kind,
    m.succeeded,
    m.failed,
    m.dead,
    m.cancelled,
    m.expired,
    m.wait,
    m.run,
    m.total
   FROM pgq.task_minutes m
UNION ALL
 SELECT s.minute,
    s.queue,
    s.kind,
    s.succeeded,
    s.failed,
    s.dead,
    s.cancelled,
    s.expired,
    s.wait,
    s.run,
    s.total
   FROM pgq.task_stats s;

CREATE TABLE pgq.dead_tasks (
    id uuid NOT NULL,
    lease_epoch bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    run_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    started_at timestamp with time zone,
    finished_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    cancel_requested_at timestamp with time zone,
    timeout_seconds double precision NOT NULL,
    leased_by uuid,
    priority integer NOT NULL,
    attempt integer NOT NULL,
    max_attempts integer NOT NULL,
    queue text NOT NULL,
    kind text NOT NULL,
    idempotency_key text,
    tags text[] NOT NULL,
    headers jsonb NOT NULL,
    payload jsonb NOT NULL,
    error jsonb NOT NULL,
    progress jsonb,
    depends_on uuid[],
    on_parent_failure text,
    workflow_id uuid
);

CREATE VIEW pgq.dead_letters AS
 SELECT id,
    kind,
    queue,
    payload,
    priority,
    attempt,
    max_attempts,
    created_at,
    finished_at AS dead_at,
    (error ->> 'type'::text) AS error_type,
    (error ->> 'message'::text) AS error_message,
    error,
    tags,
    headers
   FROM pgq.dead_tasks d;

CREATE VIEW pgq.error_rate AS
 SELECT queue,
    (COALESCE(((sum(failed) + sum(dead)) / NULLIF(((sum(succeeded) + sum(failed)) + sum(dead)), (0)::numeric)), (0)::numeric))::double precision AS failure_ratio,
    (sum(dead))::bigint AS dead_per_hour
   FROM pgq.counts_by_minute c
  WHERE (minute > (statement_timestamp() - '01:00:00'::interval))
  GROUP BY queue;

CREATE TABLE pgq.idempotency_keys (
    queue text NOT NULL,
    key text NOT NULL,
    task_id uuid NOT NULL,
    fingerprint bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    hits bigint DEFAULT 0 NOT NULL,
    CONSTRAINT key_length CHECK (((char_length(key) >= 1) AND (char_length(key) <= 255)))
)
WITH (fillfactor='80');

CREATE TABLE pgq.kinds (
    kind text NOT NULL,
    queue text,
    priority integer,
    max_attempts integer,
    timeout_seconds double precision,
    payload_schema jsonb,
    seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT kind_attempts CHECK (((max_attempts >= 1) AND (max_attempts <= 1000))),
    CONSTRAINT kind_length CHECK (((char_length(kind) >= 1) AND (char_length(kind) <= 128))),
    CONSTRAINT kind_priority CHECK (((priority >= 0) AND (priority <= 9))),
    CONSTRAINT kind_queue_length CHECK (((char_length(queue) >= 1) AND (char_length(queue) <= 128))),
    CONSTRAINT kind_timeout_range CHECK (((timeout_seconds > (0)::double precision) AND (timeout_seconds <= (315360000)::double precision)))
);

CREATE TABLE pgq.maintenance (
    duty text NOT NULL,
    next_due_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    held_until timestamp with time zone,
    last_started_at timestamp with time zone,
    last_run_by uuid,
    last_seconds double precision,
    last_changed bigint,
    runs bigint DEFAULT 0 NOT NULL,
    failed_at timestamp with time zone,
    failure text,
    place uuid[]
)
WITH (fillfactor='50');

CREATE VIEW pgq.maintenance_status AS
 SELECT duty,
    last_started_at,
    last_seconds,
    last_changed,
    last_run_by AS worker_id,
    runs,
        CASE
            WHEN (next_due_at > '-infinity'::timestamp with time zone) THEN next_due_at
            ELSE NULL::timestamp with time zone
        END AS next_due_at,
        CASE
            WHEN (held_until > clock_timestamp()) THEN held_until
            ELSE NULL::timestamp with time zone
        END AS held_until,
    failed_at,
    failure
   FROM pgq.maintenance m;

CREATE UNLOGGED TABLE pgq.new_children (
    submitted_by text NOT NULL,
    n bigint NOT NULL,
    child_ids uuid[] NOT NULL
);

ALTER TABLE pgq.new_children ALTER COLUMN n ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pgq.new_children_n_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pgq.queues (
    name text NOT NULL,
    paused_at timestamp with time zone,
    paused_until timestamp with time zone,
    timeout_seconds double precision,
    max_depth integer,
    retention_seconds double precision,
    history_pruned_before timestamp with time zone,
    CONSTRAINT queue_depth_range CHECK (((max_depth >= 1) AND (max_depth <= 1000000000))),
    CONSTRAINT queue_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 128))),
    CONSTRAINT queue_retention_range CHECK (((retention_seconds >= (3600)::double precision) AND (retention_seconds <= (315360000)::double precision))),
    CONSTRAINT queue_timeout_range CHECK (((timeout_seconds > (0)::double precision) AND (timeout_seconds <= (315360000)::double precision)))
);

CREATE TABLE pgq.tasks (
    id uuid DEFAULT pgq.uuid7() NOT NULL,
    lease_epoch bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    run_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    started_at timestamp with time zone,
    deadline_at timestamp with time zone,
    lease_expires_at timestamp with time zone,
    cancel_requested_at timestamp with time zone,
    timeout_seconds double precision NOT NULL,
    leased_by uuid,
    priority integer NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    max_attempts integer NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    queue text NOT NULL,
    kind text NOT NULL,
    idempotency_key text,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    headers jsonb DEFAULT '{}'::jsonb NOT NULL,
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    error jsonb,
    progress jsonb,
    depends_on uuid[],
    on_parent_failure text,
    workflow_id uuid,
    waits_for integer,
    CONSTRAINT task_state CHECK (
CASE
    WHEN (state = 'running'::text) THEN ((leased_by IS NOT NULL) AND (lease_expires_at IS NOT NULL) AND (deadline_at IS NOT NULL) AND (started_at IS NOT NULL))
    ELSE ((leased_by IS NULL) AND (lease_expires_at IS NULL) AND ((state = 'pending'::text) OR (state = 'blocked'::text)))
END)
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_insert_scale_factor='0.1', autovacuum_analyze_scale_factor='0.05', autovacuum_vacuum_cost_delay='0');

CREATE VIEW pgq.queue_counts AS
 SELECT COALESCE(live.queue, gone.queue, q.name) AS queue,
    COALESCE(live.pending, (0)::bigint) AS pending,
    COALESCE(live.ready, (0)::bigint) AS ready,
    COALESCE(live.scheduled, (0)::bigint) AS scheduled,
    COALESCE(live.retrying, (0)::bigint) AS retrying,
    COALESCE(live.blocked, (0)::bigint) AS blocked,
    (0)::bigint AS waiting,
    COALESCE(live.running, (0)::bigint) AS running,
    COALESCE(gone.dead, (0)::bigint) AS dead,
    COALESCE(live.oldest_ready_seconds, (0)::double precision) AS oldest_ready_seconds,
    COALESCE(((q.paused_at IS NOT NULL) AND COALESCE((q.paused_until > clock_timestamp()), true)), false) AS paused
   FROM ((( SELECT t.queue,
            count(*) FILTER (WHERE (t.state = 'pending'::text)) AS pending,
            count(*) FILTER (WHERE ((t.state = 'pending'::text) AND (t.run_at <= statement_timestamp()))) AS ready,
            count(*) FILTER (WHERE ((t.state = 'pending'::text) AND (t.run_at > statement_timestamp()) AND (t.attempt = 0))) AS scheduled,
            count(*) FILTER (WHERE ((t.state = 'pending'::text) AND (t.run_at > statement_timestamp()) AND (t.attempt > 0))) AS retrying,
            count(*) FILTER (WHERE (t.state = 'blocked'::text)) AS blocked,
            count(*) FILTER (WHERE (t.state = 'running'::text)) AS running,
            (EXTRACT(epoch FROM (statement_timestamp() - min(t.run_at) FILTER (WHERE ((t.state = 'pending'::text) AND (t.run_at <= statement_timestamp()))))))::double precision AS oldest_ready_seconds
           FROM pgq.tasks t
          GROUP BY t.queue) live
     FULL JOIN ( SELECT d.queue,
            count(*) AS dead
           FROM pgq.dead_tasks d
          GROUP BY d.queue) gone ON ((gone.queue = live.queue)))
     FULL JOIN pgq.queues q ON ((q.name = COALESCE(live.queue, gone.queue))));

CREATE TABLE pgq.queue_samples (
    sampled_at timestamp with time zone NOT NULL,
    pending bigint NOT NULL,
    ready bigint NOT NULL,
    scheduled bigint NOT NULL,
    retrying bigint NOT NULL,
    blocked bigint NOT NULL,
    waiting bigint NOT NULL,
    running bigint NOT NULL,
    dead bigint NOT NULL,
    oldest_ready_seconds double precision NOT NULL,
    paused boolean NOT NULL,
    queue text NOT NULL
);

CREATE VIEW pgq.queue_depth AS
 SELECT c.queue,
    c.pending,
    c.ready,
    c.scheduled,
    c.retrying,
    c.blocked,
    c.waiting,
    c.running,
    c.dead,
    c.oldest_ready_seconds,
    c.paused
   FROM pgq.queue_counts c
  WHERE (NOT ( SELECT pgq.answers_from_samples() AS answers_from_samples))
UNION ALL
 SELECT s.queue,
    s.pending,
    s.ready,
    s.scheduled,
    s.retrying,
    s.blocked,
    s.waiting,
    s.running,
    s.dead,
    s.oldest_ready_seconds,
    COALESCE(((q.paused_at IS NOT NULL) AND COALESCE((q.paused_until > clock_timestamp()), true)), false) AS paused
   FROM (pgq.queue_samples s
     LEFT JOIN pgq.queues q ON ((q.name = s.queue)))
  WHERE ((s.sampled_at = ( SELECT max(latest.sampled_at) AS max
           FROM pgq.queue_samples latest)) AND ( SELECT pgq.answers_from_samples() AS answers_from_samples));

CREATE VIEW pgq.queue_depth_history AS
 SELECT sampled_at,
    queue,
    pending,
    ready,
    scheduled,
    retrying,
    blocked,
    waiting,
    running,
    dead,
    oldest_ready_seconds,
    paused
   FROM pgq.queue_samples s;

CREATE VIEW pgq.queue_settings AS
 SELECT name AS queue,
    paused_at,
    paused_until,
    max_depth,
    timeout_seconds,
    retention_seconds
   FROM pgq.queues q;

CREATE UNLOGGED TABLE pgq.rate_limits (
    bucket text NOT NULL,
    tokens double precision NOT NULL,
    granted double precision NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT bucket_length CHECK (((char_length(bucket) >= 1) AND (char_length(bucket) <= 200)))
)
WITH (fillfactor='50');

CREATE TABLE pgq.schedule_ticks (
    schedule text NOT NULL,
    tick_at timestamp with time zone NOT NULL,
    task_id uuid
);

CREATE TABLE pgq.schedules (
    name text NOT NULL,
    cron text NOT NULL,
    timezone text DEFAULT 'UTC'::text NOT NULL,
    kind text NOT NULL,
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    queue text,
    priority integer,
    misfire text DEFAULT 'once'::text NOT NULL,
    overlap text DEFAULT 'allow'::text NOT NULL,
    jitter_seconds double precision DEFAULT 0 NOT NULL,
    source text DEFAULT 'user'::text NOT NULL,
    paused_at timestamp with time zone,
    next_tick_at timestamp with time zone,
    due_at timestamp with time zone,
    last_tick_at timestamp with time zone,
    last_task_id uuid,
    error text,
    error_at timestamp with time zone,
    seen_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT schedule_cron_length CHECK (((char_length(cron) >= 1) AND (char_length(cron) <= 200))),
    CONSTRAINT schedule_jitter_range CHECK (((jitter_seconds >= (0)::double precision) AND (jitter_seconds <= (86400)::double precision))),
    CONSTRAINT schedule_kind_length CHECK (((char_length(kind) >= 1) AND (char_length(kind) <= 128))),
    CONSTRAINT schedule_misfire CHECK ((misfire = ANY (ARRAY['skip'::text, 'once'::text, 'all'::text]))),
    CONSTRAINT schedule_name CHECK ((((char_length(name) >= 1) AND (char_length(name) <= 128)) AND (name !~ '[\x01-\x1f\x7f]'::text))),
    CONSTRAINT schedule_overlap CHECK ((overlap = ANY (ARRAY['allow'::text, 'skip'::text]))),
    CONSTRAINT schedule_payload CHECK (((jsonb_typeof(payload) = 'object'::text) AND (octet_length((payload)::text) <= 1000000))),
    CONSTRAINT schedule_priority CHECK (((priority >= 0) AND (priority <= 9))),
    CONSTRAINT schedule_queue_length CHECK (((char_length(queue) >= 1) AND (char_length(queue) <= 128))),
    CONSTRAINT schedule_seen CHECK (((source <> 'code'::text) OR (seen_at IS NOT NULL))),
    CONSTRAINT schedule_source CHECK ((source = ANY (ARRAY['user'::text, 'code'::text]))),
    CONSTRAINT schedule_times CHECK (((next_tick_at >= '2000-01-01 00:00:00+00'::timestamp with time zone) AND (next_tick_at < '3000-01-01 00:00:00+00'::timestamp with time zone) AND (due_at >= '2000-01-01 00:00:00+00'::timestamp with time zone) AND (due_at < '3000-01-01 00:00:00+00'::timestamp with time zone) AND (last_tick_at >= '2000-01-01 00:00:00+00'::timestamp with time zone) AND (last_tick_at < '3000-01-01 00:00:00+00'::timestamp with time zone) AND (paused_at >= '2000-01-01 00:00:00+00'::timestamp with time zone) AND (paused_at < '3000-01-01 00:00:00+00'::timestamp with time zone) AND (error_at >= '2000-01-01 00:00:00+00'::timestamp with time zone) AND (error_at < '3000-01-01 00:00:00+00'::timestamp with time zone) AND (seen_at >= '2000-01-01 00:00:00+00'::timestamp with time zone) AND (seen_at < '3000-01-01 00:00:00+00'::timestamp with time zone) AND (created_at >= '2000-01-01 00:00:00+00'::timestamp with time zone) AND (created_at < '3000-01-01 00:00:00+00'::timestamp with time zone) AND (updated_at >= '2000-01-01 00:00:00+00'::timestamp with time zone) AND (updated_at < '3000-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT schedule_timezone_length CHECK (((char_length(timezone) >= 1) AND (char_length(timezone) <= 64)))
);

CREATE TABLE pgq.task_totals (
    succeeded bigint NOT NULL,
    failed bigint NOT NULL,
    dead bigint NOT NULL,
    cancelled bigint NOT NULL,
    expired bigint NOT NULL,
    wait_seconds double precision NOT NULL,
    run_seconds double precision NOT NULL,
    total_seconds double precision NOT NULL,
    queue text NOT NULL,
    kind text NOT NULL,
    wait bigint[] NOT NULL,
    run bigint[] NOT NULL,
    total bigint[] NOT NULL
)
WITH (fillfactor='50');

CREATE VIEW pgq.task_counts AS
 SELECT queue,
    kind,
    (sum(succeeded))::bigint AS succeeded,
    (sum(failed))::bigint AS failed,
    (sum(dead))::bigint AS dead,
    (sum(cancelled))::bigint AS cancelled,
    (sum(expired))::bigint AS expired,
    sum(wait_seconds) AS wait_seconds,
    sum(run_seconds) AS run_seconds,
    sum(total_seconds) AS total_seconds,
    pgq.sum_histograms(wait) AS wait,
    pgq.sum_histograms(run) AS run,
    pgq.sum_histograms(total) AS total
   FROM ( SELECT t.queue,
            t.kind,
            t.succeeded,
            t.failed,
            t.dead,
            t.cancelled,
            t.expired,
            t.wait_seconds,
            t.run_seconds,
            t.total_seconds,
            t.wait,
            t.run,
            t.total
           FROM pgq.task_totals t
        UNION ALL
         SELECT s.queue,
            s.kind,
            s.succeeded,
            s.failed,
            s.dead,
            s.cancelled,
            s.expired,
            s.wait_seconds,
            s.run_seconds,
            s.total_seconds,
            s.wait,
            s.run,
            s.total
           FROM pgq.task_stats s) c
  GROUP BY queue, kind;

CREATE TABLE pgq.task_dependencies (
    parent_id uuid NOT NULL,
    child_id uuid NOT NULL
);

CREATE TABLE pgq.task_history (
    id uuid NOT NULL,
    lease_epoch bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    run_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    started_at timestamp with time zone,
    finished_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    cancel_requested_at timestamp with time zone,
    timeout_seconds double precision NOT NULL,
    leased_by uuid,
    priority integer NOT NULL,
    attempt integer NOT NULL,
    max_attempts integer NOT NULL,
    state text NOT NULL,
    queue text NOT NULL,
    kind text NOT NULL,
    idempotency_key text,
    tags text[] NOT NULL,
    headers jsonb NOT NULL,
    payload jsonb NOT NULL,
    result jsonb,
    error jsonb,
    progress jsonb,
    depends_on uuid[],
    on_parent_failure text,
    workflow_id uuid,
    CONSTRAINT history_state CHECK ((state = ANY (ARRAY['succeeded'::text, 'cancelled'::text, 'expired'::text])))
)
PARTITION BY RANGE (finished_at);

CREATE VIEW pgq.task_latency AS
 SELECT minute,
    queue,
    pgq.quantile(wait, (0.5)::double precision) AS wait_p50_seconds,
    pgq.quantile(wait, (0.95)::double precision) AS wait_p95_seconds,
    pgq.quantile(wait, (0.99)::double precision) AS wait_p99_seconds,
    pgq.quantile(run, (0.5)::double precision) AS run_p50_seconds,
    pgq.quantile(run, (0.95)::double precision) AS run_p95_seconds,
    pgq.quantile(run, (0.99)::double precision) AS run_p99_seconds,
    pgq.quantile(total, (0.5)::double precision) AS total_p50_seconds,
    pgq.quantile(total, (0.95)::double precision) AS total_p95_seconds,
    pgq.quantile(total, (0.99)::double precision) AS total_p99_seconds
   FROM ( SELECT m.minute,
            m.queue,
            pgq.sum_histograms(m.wait) AS wait,
            pgq.sum_histograms(m.run) AS run,
            pgq.sum_histograms(m.total) AS total
           FROM pgq.counts_by_minute m
          GROUP BY m.minute, m.queue) c;

CREATE TABLE pgq.task_logs (
    task_id uuid NOT NULL,
    lease_epoch bigint NOT NULL,
    attempt integer NOT NULL,
    n integer NOT NULL,
    logged_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    level text NOT NULL,
    logger text NOT NULL,
    message text NOT NULL,
    CONSTRAINT log_level_length CHECK (((char_length(level) >= 1) AND (char_length(level) <= 100))),
    CONSTRAINT log_logger_length CHECK ((char_length(logger) <= 300)),
    CONSTRAINT log_message_length CHECK ((char_length(message) <= 11000))
)
PARTITION BY RANGE (logged_at);

CREATE VIEW pgq.task_status AS
 SELECT t.id,
    t.kind,
    t.queue,
        CASE
            WHEN ((t.state = 'pending'::text) AND (t.run_at > clock_timestamp())) THEN
            CASE
                WHEN (t.attempt > 0) THEN 'retrying'::text
                ELSE 'scheduled'::text
            END
            ELSE t.state
        END AS state,
    t.payload,
    t.priority,
    t.attempt,
    t.max_attempts,
    t.created_at,
    t.run_at,
    t.expires_at,
    t.started_at,
    NULL::timestamp with time zone AS finished_at,
    t.timeout_seconds,
    t.idempotency_key,
    t.tags,
    t.headers,
    t.leased_by AS worker_id,
    t.lease_expires_at,
    t.cancel_requested_at,
    t.lease_epoch,
    NULL::jsonb AS result,
    t.error,
    t.progress,
    t.depends_on,
    t.on_parent_failure,
    t.workflow_id,
    (t.headers ->> 'schedule'::text) AS schedule
   FROM pgq.tasks t
UNION ALL
 SELECT d.id,
    d.kind,
    d.queue,
    'dead'::text AS state,
    d.payload,
    d.priority,
    d.attempt,
    d.max_attempts,
    d.created_at,
    d.run_at,
    d.expires_at,
    d.started_at,
    d.finished_at,
    d.timeout_seconds,
    d.idempotency_key,
    d.tags,
    d.headers,
    d.leased_by AS worker_id,
    NULL::timestamp with time zone AS lease_expires_at,
    d.cancel_requested_at,
    d.lease_epoch,
    NULL::jsonb AS result,
    d.error,
    d.progress,
    d.depends_on,
    d.on_parent_failure,
    d.workflow_id,
    (d.headers ->> 'schedule'::text) AS schedule
   FROM pgq.dead_tasks d
  WHERE (NOT (EXISTS ( SELECT
           FROM pgq.tasks t
          WHERE (t.id = d.id))))
UNION ALL
 SELECT h.id,
    h.kind,
    h.queue,
    h.state,
    h.payload,
    h.priority,
    h.attempt,
    h.max_attempts,
    h.created_at,
    h.run_at,
    h.expires_at,
    h.started_at,
    h.finished_at,
    h.timeout_seconds,
    h.idempotency_key,
    h.tags,
    h.headers,
    h.leased_by AS worker_id,
    NULL::timestamp with time zone AS lease_expires_at,
    h.cancel_requested_at,
    h.lease_epoch,
    h.result,
    h.error,
    h.progress,
    h.depends_on,
    h.on_parent_failure,
    h.workflow_id,
    (h.headers ->> 'schedule'::text) AS schedule
   FROM pgq.task_history h
  WHERE ((NOT (EXISTS ( SELECT
           FROM pgq.tasks t
          WHERE (t.id = h.id)))) AND (NOT (EXISTS ( SELECT
           FROM pgq.dead_tasks d
          WHERE (d.id = h.id)))));

CREATE VIEW pgq.task_throughput AS
 SELECT minute,
    queue,
    kind,
    (sum(succeeded))::bigint AS succeeded,
    (sum(failed))::bigint AS failed,
    (sum(dead))::bigint AS dead,
    (sum(cancelled))::bigint AS cancelled,
    (sum(expired))::bigint AS expired
   FROM pgq.counts_by_minute c
  GROUP BY minute, queue, kind;

CREATE TABLE pgq.workers (
    id uuid NOT NULL,
    name text NOT NULL,
    hostname text NOT NULL,
    pid integer,
    version text NOT NULL,
    queues text[] NOT NULL,
    kinds text[] NOT NULL,
    capacity integer NOT NULL,
    state text DEFAULT 'running'::text NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    beat_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    listener text,
    listener_since timestamp with time zone,
    remote boolean DEFAULT false NOT NULL,
    token_id text,
    CONSTRAINT worker_capacity CHECK ((capacity > 0)),
    CONSTRAINT worker_listener CHECK ((listener = ANY (ARRAY['listening'::text, 'polling'::text, 'reconnecting'::text]))),
    CONSTRAINT worker_state CHECK ((state = ANY (ARRAY['running'::text, 'draining'::text])))
)
WITH (fillfactor='50');

CREATE VIEW pgq.unknown_kinds AS
 SELECT t.queue,
    t.kind,
    count(*) AS pending,
    min(t.created_at) AS oldest_created_at,
    max(k.seen_at) AS seen_at
   FROM (pgq.tasks t
     LEFT JOIN pgq.kinds k ON ((k.kind = t.kind)))
  WHERE ((t.state = 'pending'::text) AND (NOT (EXISTS ( SELECT
           FROM pgq.workers w
          WHERE ((w.beat_at > (clock_timestamp() - '00:00:15'::interval)) AND ((t.kind = ANY (w.kinds)) OR ((w.kinds = '{}'::text[]) AND (t.queue = ANY (w.queues)))))))))
  GROUP BY t.queue, t.kind;

CREATE TABLE pgq.waiting_workers (
    worker_id uuid NOT NULL,
    queues text[] NOT NULL
);

CREATE VIEW pgq.worker_utilization AS
 SELECT w.id AS worker_id,
    w.name,
    COALESCE(held.busy, (0)::bigint) AS busy,
    w.capacity,
    ((COALESCE(held.busy, (0)::bigint))::double precision / (w.capacity)::double precision) AS utilization,
    w.hostname,
    w.pid,
    w.version,
    w.queues,
    w.kinds,
    w.state,
    w.started_at,
    w.beat_at,
    w.listener,
    w.listener_since
   FROM (pgq.workers w
     LEFT JOIN ( SELECT t.leased_by,
            count(*) AS busy
           FROM pgq.tasks t
          WHERE (t.state = 'running'::text)
          GROUP BY t.leased_by) held ON ((held.leased_by = w.id)))
  WHERE (w.beat_at > (clock_timestamp() - '00:00:15'::interval));

CREATE TABLE pgq.workflow_changes (
    workflow_id uuid NOT NULL,
    n bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    queue text,
    total integer DEFAULT 0 NOT NULL,
    succeeded integer DEFAULT 0 NOT NULL,
    cancelled integer DEFAULT 0 NOT NULL,
    expired integer DEFAULT 0 NOT NULL,
    dead integer DEFAULT 0 NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0');

ALTER TABLE pgq.workflow_changes ALTER COLUMN n ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pgq.workflow_changes_n_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE pgq.workflows (
    id uuid NOT NULL,
    name text NOT NULL,
    on_failure text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    cancel_requested_at timestamp with time zone,
    stopped_at timestamp with time zone,
    reopened_at timestamp with time zone,
    stopping boolean DEFAULT false NOT NULL,
    total integer DEFAULT 0 NOT NULL,
    succeeded integer DEFAULT 0 NOT NULL,
    cancelled integer DEFAULT 0 NOT NULL,
    expired integer DEFAULT 0 NOT NULL,
    dead integer DEFAULT 0 NOT NULL,
    queues text[] DEFAULT '{}'::text[] NOT NULL,
    idempotency_key text,
    fingerprint bytea,
    CONSTRAINT workflow_key CHECK (((char_length(idempotency_key) >= 1) AND (char_length(idempotency_key) <= 255))),
    CONSTRAINT workflow_name CHECK (((char_length(name) >= 1) AND (char_length(name) <= 128))),
    CONSTRAINT workflow_on_failure CHECK ((on_failure = ANY (ARRAY['cancel'::text, 'continue'::text])))
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.05');

CREATE VIEW pgq.workflow_status AS
 SELECT w.id,
    w.name,
        CASE
            WHEN ((n.ended < n.total) OR (n.total = 0)) THEN 'running'::text
            WHEN ((w.cancel_requested_at IS NOT NULL) AND (n.cancelled > 0)) THEN 'cancelled'::text
            WHEN ((n.dead + n.expired) > 0) THEN 'failed'::text
            WHEN (n.cancelled > 0) THEN 'cancelled'::text
            ELSE 'succeeded'::text
        END AS state,
    w.on_failure,
    w.created_at,
        CASE
            WHEN (n.ended >= n.total) THEN n.ended_at
            ELSE NULL::timestamp with time zone
        END AS finished_at,
    w.cancel_requested_at,
    n.total,
    n.ended,
    (n.total - n.ended) AS live,
    n.succeeded,
    n.cancelled,
    n.expired,
    n.dead,
        CASE
            WHEN (n.total > 0) THEN ((n.ended)::double precision / (n.total)::double precision)
            ELSE (0)::double precision
        END AS progress,
    n.queues,
    w.stopped_at
   FROM (pgq.workflows w
     CROSS JOIN LATERAL ( SELECT ((w.total + COALESCE(sum(c.total), (0)::bigint)))::integer AS total,
            (((((w.succeeded + w.cancelled) + w.expired) + w.dead) + COALESCE(sum((((c.succeeded + c.cancelled) + c.expired) + c.dead)), (0)::bigint)))::integer AS ended,
            ((w.succeeded + COALESCE(sum(c.succeeded), (0)::bigint)))::integer AS succeeded,
            ((w.cancelled + COALESCE(sum(c.cancelled), (0)::bigint)))::integer AS cancelled,
            ((w.expired + COALESCE(sum(c.expired), (0)::bigint)))::integer AS expired,
            ((w.dead + COALESCE(sum(c.dead), (0)::bigint)))::integer AS dead,
            GREATEST(w.ended_at, max(c.at) FILTER (WHERE (c.queue IS NULL))) AS ended_at,
            (w.queues || COALESCE(array_agg(DISTINCT c.queue) FILTER (WHERE (c.queue IS NOT NULL)), '{}'::text[])) AS queues
           FROM pgq.workflow_changes c
          WHERE (c.workflow_id = w.id)) n);

CREATE TABLE pgq.workflow_tasks (
    workflow_id uuid NOT NULL,
    name text NOT NULL,
    task_id uuid NOT NULL,
    "position" bigint NOT NULL,
    CONSTRAINT workflow_task_name CHECK (((char_length(name) >= 1) AND (char_length(name) <= 128)))
);

ALTER TABLE pgq.workflow_tasks ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME pgq.workflow_tasks_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY pgq.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY pgq.api_tokens
    ADD CONSTRAINT api_tokens_pkey PRIMARY KEY (id);

ALTER TABLE ONLY pgq.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (task_id, lease_epoch, failed_at);

ALTER TABLE ONLY pgq.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY pgq.dead_tasks
    ADD CONSTRAINT dead_tasks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY pgq.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (queue, key);

ALTER TABLE ONLY pgq.kinds
    ADD CONSTRAINT kinds_pkey PRIMARY KEY (kind);

ALTER TABLE ONLY pgq.maintenance
    ADD CONSTRAINT maintenance_pkey PRIMARY KEY (duty);

ALTER TABLE ONLY pgq.new_children
    ADD CONSTRAINT new_children_pkey PRIMARY KEY (submitted_by, n);

ALTER TABLE ONLY pgq.queue_samples
    ADD CONSTRAINT queue_samples_pkey PRIMARY KEY (sampled_at, queue);

ALTER TABLE ONLY pgq.queues
    ADD CONSTRAINT queues_pkey PRIMARY KEY (name);

ALTER TABLE ONLY pgq.rate_limits
    ADD CONSTRAINT rate_limits_pkey PRIMARY KEY (bucket);

ALTER TABLE ONLY pgq.schedule_ticks
    ADD CONSTRAINT schedule_ticks_pkey PRIMARY KEY (schedule, tick_at);

ALTER TABLE ONLY pgq.schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (name);

ALTER TABLE ONLY pgq.task_dependencies
    ADD CONSTRAINT task_dependencies_pkey PRIMARY KEY (parent_id, child_id);

ALTER TABLE ONLY pgq.task_history
    ADD CONSTRAINT task_history_pkey PRIMARY KEY (id, finished_at);

ALTER TABLE ONLY pgq.task_logs
    ADD CONSTRAINT task_logs_pkey PRIMARY KEY (task_id, lease_epoch, n, logged_at);

ALTER TABLE ONLY pgq.task_minutes
    ADD CONSTRAINT task_minutes_pkey PRIMARY KEY (minute, queue, kind);

ALTER TABLE ONLY pgq.task_stats
    ADD CONSTRAINT task_stats_pkey PRIMARY KEY (minute, queue, kind, worker_id);

ALTER TABLE ONLY pgq.task_totals
    ADD CONSTRAINT task_totals_pkey PRIMARY KEY (queue, kind);

ALTER TABLE ONLY pgq.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY pgq.waiting_workers
    ADD CONSTRAINT waiting_workers_pkey PRIMARY KEY (worker_id);

ALTER TABLE ONLY pgq.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY pgq.workflow_changes
    ADD CONSTRAINT workflow_changes_pkey PRIMARY KEY (workflow_id, n);

ALTER TABLE ONLY pgq.workflow_tasks
    ADD CONSTRAINT workflow_tasks_once UNIQUE (task_id);

ALTER TABLE ONLY pgq.workflow_tasks
    ADD CONSTRAINT workflow_tasks_pkey PRIMARY KEY (workflow_id, name);

ALTER TABLE ONLY pgq.workflows
    ADD CONSTRAINT workflows_pkey PRIMARY KEY (id);

CREATE INDEX dead_tasks_newest ON pgq.dead_tasks USING btree (finished_at, id);

CREATE INDEX dead_tasks_workflow ON pgq.dead_tasks USING btree (workflow_id) WHERE (workflow_id IS NOT NULL);

CREATE INDEX idempotency_keys_expiry ON pgq.idempotency_keys USING btree (expires_at);

CREATE INDEX schedule_ticks_oldest ON pgq.schedule_ticks USING btree (tick_at);

CREATE INDEX schedules_due ON pgq.schedules USING btree (due_at) WHERE (paused_at IS NULL);

CREATE INDEX task_dependencies_child ON pgq.task_dependencies USING btree (child_id);

CREATE INDEX task_history_workflow ON ONLY pgq.task_history USING btree (workflow_id) WHERE (workflow_id IS NOT NULL);

CREATE INDEX tasks_blocked ON pgq.tasks USING btree (id) WHERE (state = 'blocked'::text);

CREATE INDEX tasks_expiring ON pgq.tasks USING btree (expires_at) WHERE ((expires_at IS NOT NULL) AND (state <> 'running'::text));

CREATE INDEX tasks_lanes ON pgq.tasks USING btree (queue, priority, run_at, id) WHERE (state = 'pending'::text);

CREATE INDEX tasks_running ON pgq.tasks USING btree (queue, id) WHERE (state = 'running'::text);

CREATE INDEX tasks_workflow ON pgq.tasks USING btree (workflow_id) WHERE (workflow_id IS NOT NULL);

CREATE UNIQUE INDEX workflows_key ON pgq.workflows USING btree (idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE INDEX workflows_stopping ON pgq.workflows USING btree (id) WHERE stopping;

CREATE TRIGGER accept_schedule BEFORE INSERT OR UPDATE OF name, cron, timezone, kind, payload, queue, priority, misfire, overlap, jitter_seconds, source, paused_at ON pgq.schedules FOR EACH ROW EXECUTE FUNCTION pgq.accept_schedule();

CREATE TRIGGER accept_task BEFORE INSERT ON pgq.tasks FOR EACH ROW WHEN (((new.id IS NULL) OR (new.created_at IS NULL) OR (new.idempotency_key IS NOT NULL) OR (new.expires_at IS NOT NULL) OR (((new.priority >= 0) AND (new.priority <= 9)) IS NOT TRUE) OR (((new.max_attempts >= 1) AND (new.max_attempts <= 1000)) IS NOT TRUE) OR (((new.timeout_seconds > (0)::double precision) AND (new.timeout_seconds <= (315360000)::double precision)) IS NOT TRUE) OR (((new.run_at >= '2000-01-01 00:00:00+00'::timestamp with time zone) AND (new.run_at < '3000-01-01 00:00:00+00'::timestamp with time zone)) IS NOT TRUE) OR ((new.tags = '{}'::text[]) IS NOT TRUE) OR ((new.headers = '{}'::jsonb) IS NOT TRUE) OR (((char_length(new.kind) >= 1) AND (char_length(new.kind) <= 128)) IS NOT TRUE) OR (((char_length(new.queue) >= 1) AND (char_length(new.queue) <= 128)) IS NOT TRUE) OR ((new.kind || new.queue) ~ '[\x01-\x1f\x7f]'::text) OR ((jsonb_typeof(new.payload) = 'object'::text) IS NOT TRUE) OR (pg_column_compression(new.payload) IS NOT NULL) OR (pg_column_size(new.payload) > 2000) OR ((pg_column_size(new.payload) > 100) AND (octet_length((new.payload)::text) > 1000000)))) EXECUTE FUNCTION pgq.accept_task();

CREATE TRIGGER audit_log_is_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON pgq.audit_log FOR EACH STATEMENT EXECUTE FUNCTION pgq.keep_audit_log();

CREATE TRIGGER await_parents BEFORE INSERT ON pgq.tasks FOR EACH ROW WHEN ((((new.depends_on IS NOT NULL) OR (new.on_parent_failure IS NOT NULL)) AND (new.waits_for IS NULL))) EXECUTE FUNCTION pgq.await_parents();

CREATE TRIGGER count_dead AFTER INSERT ON pgq.dead_tasks FOR EACH ROW WHEN ((new.workflow_id IS NOT NULL)) EXECUTE FUNCTION pgq.count_dead();

CREATE TRIGGER count_ended AFTER INSERT ON pgq.task_history FOR EACH ROW WHEN ((new.workflow_id IS NOT NULL)) EXECUTE FUNCTION pgq.count_ended();

CREATE TRIGGER join_workflow AFTER INSERT ON pgq.tasks FOR EACH ROW WHEN (((new.workflow_id IS NOT NULL) AND (new.lease_epoch = 0))) EXECUTE FUNCTION pgq.join_workflow();

CREATE CONSTRAINT TRIGGER look_after_children AFTER INSERT ON pgq.new_children DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pgq.look_after_children();

CREATE TRIGGER note_children AFTER INSERT ON pgq.tasks REFERENCING NEW TABLE AS submitted FOR EACH STATEMENT WHEN ((current_setting('pgq.children'::text, true) = 'new'::text)) EXECUTE FUNCTION pgq.note_children();

CREATE TRIGGER note_move AFTER UPDATE OF queue ON pgq.tasks FOR EACH ROW WHEN (((new.workflow_id IS NOT NULL) AND (new.queue <> old.queue))) EXECUTE FUNCTION pgq.note_move();

CREATE TRIGGER notify_ready AFTER INSERT ON pgq.tasks REFERENCING NEW TABLE AS submitted FOR EACH STATEMENT EXECUTE FUNCTION pgq.notify_ready();

CREATE TRIGGER refuse_change AFTER UPDATE OF kind, queue, priority, max_attempts, timeout_seconds, run_at, expires_at, payload ON pgq.tasks FOR EACH ROW WHEN ((NOT (((char_length(new.kind) >= 1) AND (char_length(new.kind) <= 128)) AND ((char_length(new.queue) >= 1) AND (char_length(new.queue) <= 128)) AND ((new.priority >= 0) AND (new.priority <= 9)) AND ((new.max_attempts >= 1) AND (new.max_attempts <= 1000)) AND (new.timeout_seconds > (0)::double precision) AND (new.timeout_seconds <= (315360000)::double precision) AND (new.run_at >= '2000-01-01 00:00:00+00'::timestamp with time zone) AND (new.run_at < '3000-01-01 00:00:00+00'::timestamp with time zone) AND ((new.expires_at IS NULL) OR ((new.expires_at >= '2000-01-01 00:00:00+00'::timestamp with time zone) AND (new.expires_at < '3000-01-01 00:00:00+00'::timestamp with time zone))) AND (jsonb_typeof(new.payload) = 'object'::text)))) EXECUTE FUNCTION pgq.refuse_change();

CREATE TRIGGER refuse_when_full AFTER INSERT ON pgq.tasks REFERENCING NEW TABLE AS submitted FOR EACH STATEMENT EXECUTE FUNCTION pgq.refuse_when_full();

ALTER TABLE ONLY pgq.waiting_workers
    ADD CONSTRAINT waiting_workers_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES pgq.workers(id) ON DELETE CASCADE;

GRANT USAGE ON SCHEMA pgq TO pgq_submitter;
GRANT USAGE ON SCHEMA pgq TO pgq_viewer;
GRANT USAGE ON SCHEMA pgq TO pgq_worker;
GRANT USAGE ON SCHEMA pgq TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.accept_schedule() FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.accept_schedule() TO pgq_worker;
GRANT ALL ON FUNCTION pgq.accept_schedule() TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.accept_task() FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.accept_task() TO pgq_worker;
GRANT ALL ON FUNCTION pgq.accept_task() TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.add_histograms(one bigint[], other bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.add_histograms(one bigint[], other bigint[]) TO pgq_viewer;
GRANT ALL ON FUNCTION pgq.add_histograms(one bigint[], other bigint[]) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.add_histograms(one bigint[], other bigint[]) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.add_workflow_tasks(workflow_id uuid, tasks jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.add_workflow_tasks(workflow_id uuid, tasks jsonb) TO pgq_submitter;
GRANT ALL ON FUNCTION pgq.add_workflow_tasks(workflow_id uuid, tasks jsonb) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.add_workflow_tasks(workflow_id uuid, tasks jsonb) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.answers_from_samples() FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.answers_from_samples() TO pgq_viewer;
GRANT ALL ON FUNCTION pgq.answers_from_samples() TO pgq_worker;
GRANT ALL ON FUNCTION pgq.answers_from_samples() TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.await_parents() FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.await_parents() TO pgq_worker;
GRANT ALL ON FUNCTION pgq.await_parents() TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.cancel(task_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.cancel(task_id uuid) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.cancel(task_id uuid) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.cancel_tasks(ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.cancel_tasks(ids uuid[]) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.cancel_tasks(ids uuid[]) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.cancel_workflow(workflow_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.cancel_workflow(workflow_id uuid) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.cancel_workflow(workflow_id uuid) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.check_payload(payload jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.check_payload(payload jsonb) TO pgq_submitter;
GRANT ALL ON FUNCTION pgq.check_payload(payload jsonb) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.check_payload(payload jsonb) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.claim_keys(queues text[], keys text[], windows interval[], ids uuid[], fingerprints bytea[]) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.claim_keys(queues text[], keys text[], windows interval[], ids uuid[], fingerprints bytea[]) TO pgq_submitter;
GRANT ALL ON FUNCTION pgq.claim_keys(queues text[], keys text[], windows interval[], ids uuid[], fingerprints bytea[]) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.claim_keys(queues text[], keys text[], windows interval[], ids uuid[], fingerprints bytea[]) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.count_dead() FROM PUBLIC;

REVOKE ALL ON FUNCTION pgq.count_ended() FROM PUBLIC;

REVOKE ALL ON FUNCTION pgq.end_turn(duty text, changed bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.end_turn(duty text, changed bigint) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.end_turn(duty text, changed bigint) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.end_waiting(ids uuid[], reasons jsonb[]) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.end_waiting(ids uuid[], reasons jsonb[]) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.end_waiting(ids uuid[], reasons jsonb[]) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.fingerprint(kind text, payload jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.fingerprint(kind text, payload jsonb) TO pgq_submitter;
GRANT ALL ON FUNCTION pgq.fingerprint(kind text, payload jsonb) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.fingerprint(kind text, payload jsonb) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.has_huge_numbers(object jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.has_huge_numbers(object jsonb) TO pgq_submitter;
GRANT ALL ON FUNCTION pgq.has_huge_numbers(object jsonb) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.has_huge_numbers(object jsonb) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.histogram(durations double precision[]) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.histogram(durations double precision[]) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.histogram(durations double precision[]) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.is_live(task_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.is_live(task_id uuid) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.is_live(task_id uuid) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.join_workflow() FROM PUBLIC;

REVOKE ALL ON FUNCTION pgq.keep_audit_log() FROM PUBLIC;

REVOKE ALL ON FUNCTION pgq.latency_bounds() FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.latency_bounds() TO pgq_viewer;
GRANT ALL ON FUNCTION pgq.latency_bounds() TO pgq_worker;
GRANT ALL ON FUNCTION pgq.latency_bounds() TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.look_after_children() FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.look_after_children() TO pgq_worker;
GRANT ALL ON FUNCTION pgq.look_after_children() TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.make_partitions(days_ahead integer) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.make_partitions(days_ahead integer) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.make_partitions(days_ahead integer) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.note_children() FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.note_children() TO pgq_worker;
GRANT ALL ON FUNCTION pgq.note_children() TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.note_move() FROM PUBLIC;

REVOKE ALL ON FUNCTION pgq.notify_ready() FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.notify_ready() TO pgq_worker;
GRANT ALL ON FUNCTION pgq.notify_ready() TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.open_workflow(workflow_id uuid, name text, on_failure text, idempotency_key text, fingerprint bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.open_workflow(workflow_id uuid, name text, on_failure text, idempotency_key text, fingerprint bytea) TO pgq_submitter;
GRANT ALL ON FUNCTION pgq.open_workflow(workflow_id uuid, name text, on_failure text, idempotency_key text, fingerprint bytea) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.open_workflow(workflow_id uuid, name text, on_failure text, idempotency_key text, fingerprint bytea) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.parent_states(ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.parent_states(ids uuid[]) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.parent_states(ids uuid[]) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.quantile(histogram bigint[], fraction double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.quantile(histogram bigint[], fraction double precision) TO pgq_viewer;
GRANT ALL ON FUNCTION pgq.quantile(histogram bigint[], fraction double precision) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.quantile(histogram bigint[], fraction double precision) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.redrive(task_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.redrive(task_id uuid) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.redrive(task_id uuid) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.refuse(field text, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.refuse(field text, reason text) TO pgq_submitter;
GRANT ALL ON FUNCTION pgq.refuse(field text, reason text) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.refuse(field text, reason text) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.refuse_at(nth bigint, field text, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.refuse_at(nth bigint, field text, reason text) TO pgq_submitter;
GRANT ALL ON FUNCTION pgq.refuse_at(nth bigint, field text, reason text) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.refuse_at(nth bigint, field text, reason text) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.refuse_change() FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.refuse_change() TO pgq_worker;
GRANT ALL ON FUNCTION pgq.refuse_change() TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.refuse_ended(task_id uuid, why text) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.refuse_ended(task_id uuid, why text) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.refuse_ended(task_id uuid, why text) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.refuse_when_full() FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.refuse_when_full() TO pgq_worker;
GRANT ALL ON FUNCTION pgq.refuse_when_full() TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.refuse_workflow(workflow_id uuid, why text) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.refuse_workflow(workflow_id uuid, why text) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.refuse_workflow(workflow_id uuid, why text) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.refuse_wrong_type(tasks jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.refuse_wrong_type(tasks jsonb) TO pgq_submitter;
GRANT ALL ON FUNCTION pgq.refuse_wrong_type(tasks jsonb) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.refuse_wrong_type(tasks jsonb) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.release_children(ended uuid[], states text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.release_children(ended uuid[], states text[]) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.release_children(ended uuid[], states text[]) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.reopen_workflow(workflow_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.reopen_workflow(workflow_id uuid) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.reopen_workflow(workflow_id uuid) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.retry(task_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.retry(task_id uuid) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.retry(task_id uuid) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.retry_workflow(workflow_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.retry_workflow(workflow_id uuid) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.retry_workflow(workflow_id uuid) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.rfc3339(moment timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.rfc3339(moment timestamp with time zone) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.rfc3339(moment timestamp with time zone) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.settle_children(children uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.settle_children(children uuid[]) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.settle_children(children uuid[]) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.settle_parents(ended uuid[], states text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.settle_parents(ended uuid[], states text[]) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.settle_parents(ended uuid[], states text[]) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.stop_workflow(workflow_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.stop_workflow(workflow_id uuid) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.stop_workflow(workflow_id uuid) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.submit(kind text, payload jsonb, queue text, priority integer, delay interval, run_at timestamp with time zone, expires_at timestamp with time zone, max_attempts integer, timeout interval, key text, key_window interval, concurrency_key text, unique_key text, on_conflict text, depends_on uuid[], on_parent_failure text, tags text[], headers jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.submit(kind text, payload jsonb, queue text, priority integer, delay interval, run_at timestamp with time zone, expires_at timestamp with time zone, max_attempts integer, timeout interval, key text, key_window interval, concurrency_key text, unique_key text, on_conflict text, depends_on uuid[], on_parent_failure text, tags text[], headers jsonb) TO pgq_submitter;
GRANT ALL ON FUNCTION pgq.submit(kind text, payload jsonb, queue text, priority integer, delay interval, run_at timestamp with time zone, expires_at timestamp with time zone, max_attempts integer, timeout interval, key text, key_window interval, concurrency_key text, unique_key text, on_conflict text, depends_on uuid[], on_parent_failure text, tags text[], headers jsonb) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.submit(kind text, payload jsonb, queue text, priority integer, delay interval, run_at timestamp with time zone, expires_at timestamp with time zone, max_attempts integer, timeout interval, key text, key_window interval, concurrency_key text, unique_key text, on_conflict text, depends_on uuid[], on_parent_failure text, tags text[], headers jsonb) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.submit_many(tasks jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.submit_many(tasks jsonb) TO pgq_submitter;
GRANT ALL ON FUNCTION pgq.submit_many(tasks jsonb) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.submit_many(tasks jsonb) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.submit_workflow(workflow jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.submit_workflow(workflow jsonb) TO pgq_submitter;
GRANT ALL ON FUNCTION pgq.submit_workflow(workflow jsonb) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.submit_workflow(workflow jsonb) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.take_turn(duty text, worker uuid, period interval, hold interval) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.take_turn(duty text, worker uuid, period interval, hold interval) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.take_turn(duty text, worker uuid, period interval, hold interval) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.unblock_stranded(at_most integer, just uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.unblock_stranded(at_most integer, just uuid) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.unblock_stranded(at_most integer, just uuid) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.uuid7() FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.uuid7() TO pgq_submitter;
GRANT ALL ON FUNCTION pgq.uuid7() TO pgq_worker;
GRANT ALL ON FUNCTION pgq.uuid7() TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.wait_again(children uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.wait_again(children uuid[]) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.wait_again(children uuid[]) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.waiting_tasks(queue text, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.waiting_tasks(queue text, most integer) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.waiting_tasks(queue text, most integer) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.workflow_elements(workflow_id uuid, tasks jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.workflow_elements(workflow_id uuid, tasks jsonb) TO pgq_submitter;
GRANT ALL ON FUNCTION pgq.workflow_elements(workflow_id uuid, tasks jsonb) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.workflow_elements(workflow_id uuid, tasks jsonb) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.workflow_fingerprint(workflow jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.workflow_fingerprint(workflow jsonb) TO pgq_submitter;
GRANT ALL ON FUNCTION pgq.workflow_fingerprint(workflow jsonb) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.workflow_fingerprint(workflow jsonb) TO pgq_admin;

REVOKE ALL ON FUNCTION pgq.sum_histograms(bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION pgq.sum_histograms(bigint[]) TO pgq_viewer;
GRANT ALL ON FUNCTION pgq.sum_histograms(bigint[]) TO pgq_worker;
GRANT ALL ON FUNCTION pgq.sum_histograms(bigint[]) TO pgq_admin;

GRANT SELECT ON TABLE pgq.alembic_version TO pgq_worker;
GRANT SELECT ON TABLE pgq.alembic_version TO pgq_admin;

GRANT SELECT,INSERT,UPDATE ON TABLE pgq.api_tokens TO pgq_admin;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.attempts TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.attempts TO pgq_admin;
GRANT SELECT ON TABLE pgq.attempts TO pgq_viewer;

GRANT SELECT,INSERT ON TABLE pgq.audit_log TO pgq_admin;

GRANT INSERT(actor) ON TABLE pgq.audit_log TO pgq_worker;

GRANT INSERT(action) ON TABLE pgq.audit_log TO pgq_worker;

GRANT INSERT(target) ON TABLE pgq.audit_log TO pgq_worker;

GRANT INSERT(details) ON TABLE pgq.audit_log TO pgq_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.task_minutes TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.task_minutes TO pgq_admin;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.task_stats TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.task_stats TO pgq_admin;

GRANT SELECT ON TABLE pgq.counts_by_minute TO pgq_viewer;
GRANT SELECT ON TABLE pgq.counts_by_minute TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.counts_by_minute TO pgq_admin;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.dead_tasks TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.dead_tasks TO pgq_admin;
GRANT SELECT ON TABLE pgq.dead_tasks TO pgq_viewer;

GRANT SELECT ON TABLE pgq.dead_letters TO pgq_viewer;
GRANT SELECT ON TABLE pgq.dead_letters TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.dead_letters TO pgq_admin;

GRANT SELECT ON TABLE pgq.error_rate TO pgq_viewer;
GRANT SELECT ON TABLE pgq.error_rate TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.error_rate TO pgq_admin;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.idempotency_keys TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.idempotency_keys TO pgq_admin;

GRANT SELECT ON TABLE pgq.kinds TO pgq_submitter;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.kinds TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.kinds TO pgq_admin;
GRANT SELECT ON TABLE pgq.kinds TO pgq_viewer;

GRANT SELECT,UPDATE ON TABLE pgq.maintenance TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.maintenance TO pgq_admin;

GRANT SELECT ON TABLE pgq.maintenance_status TO pgq_viewer;
GRANT SELECT ON TABLE pgq.maintenance_status TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.maintenance_status TO pgq_admin;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.new_children TO pgq_admin;

GRANT SELECT ON TABLE pgq.queues TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.queues TO pgq_admin;

GRANT SELECT(name) ON TABLE pgq.queues TO pgq_submitter;

GRANT SELECT(timeout_seconds) ON TABLE pgq.queues TO pgq_submitter;

GRANT UPDATE(history_pruned_before) ON TABLE pgq.queues TO pgq_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.tasks TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.tasks TO pgq_admin;
GRANT SELECT ON TABLE pgq.tasks TO pgq_viewer;

GRANT SELECT(id),INSERT(id) ON TABLE pgq.tasks TO pgq_submitter;

GRANT INSERT(run_at) ON TABLE pgq.tasks TO pgq_submitter;

GRANT INSERT(expires_at) ON TABLE pgq.tasks TO pgq_submitter;

GRANT INSERT(timeout_seconds) ON TABLE pgq.tasks TO pgq_submitter;

GRANT INSERT(priority) ON TABLE pgq.tasks TO pgq_submitter;

GRANT INSERT(max_attempts) ON TABLE pgq.tasks TO pgq_submitter;

GRANT INSERT(queue) ON TABLE pgq.tasks TO pgq_submitter;

GRANT INSERT(kind) ON TABLE pgq.tasks TO pgq_submitter;

GRANT INSERT(idempotency_key) ON TABLE pgq.tasks TO pgq_submitter;

GRANT INSERT(tags) ON TABLE pgq.tasks TO pgq_submitter;

GRANT INSERT(headers) ON TABLE pgq.tasks TO pgq_submitter;

GRANT INSERT(payload) ON TABLE pgq.tasks TO pgq_submitter;

GRANT INSERT(depends_on) ON TABLE pgq.tasks TO pgq_submitter;

GRANT INSERT(on_parent_failure) ON TABLE pgq.tasks TO pgq_submitter;

GRANT INSERT(workflow_id) ON TABLE pgq.tasks TO pgq_submitter;

GRANT SELECT ON TABLE pgq.queue_counts TO pgq_viewer;
GRANT SELECT ON TABLE pgq.queue_counts TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.queue_counts TO pgq_admin;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.queue_samples TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.queue_samples TO pgq_admin;

GRANT SELECT ON TABLE pgq.queue_depth TO pgq_viewer;
GRANT SELECT ON TABLE pgq.queue_depth TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.queue_depth TO pgq_admin;

GRANT SELECT ON TABLE pgq.queue_depth_history TO pgq_viewer;
GRANT SELECT ON TABLE pgq.queue_depth_history TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.queue_depth_history TO pgq_admin;

GRANT SELECT ON TABLE pgq.queue_settings TO pgq_viewer;
GRANT SELECT ON TABLE pgq.queue_settings TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.queue_settings TO pgq_admin;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.rate_limits TO pgq_admin;

GRANT SELECT ON TABLE pgq.schedule_ticks TO pgq_viewer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.schedule_ticks TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.schedule_ticks TO pgq_admin;

GRANT SELECT ON TABLE pgq.schedules TO pgq_viewer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.schedules TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.schedules TO pgq_admin;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.task_totals TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.task_totals TO pgq_admin;

GRANT SELECT ON TABLE pgq.task_counts TO pgq_viewer;
GRANT SELECT ON TABLE pgq.task_counts TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.task_counts TO pgq_admin;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.task_dependencies TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.task_dependencies TO pgq_admin;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.task_history TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.task_history TO pgq_admin;
GRANT SELECT ON TABLE pgq.task_history TO pgq_viewer;

GRANT SELECT ON TABLE pgq.task_latency TO pgq_viewer;
GRANT SELECT ON TABLE pgq.task_latency TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.task_latency TO pgq_admin;

GRANT SELECT,INSERT,DELETE ON TABLE pgq.task_logs TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.task_logs TO pgq_admin;

GRANT SELECT ON TABLE pgq.task_status TO pgq_viewer;
GRANT SELECT ON TABLE pgq.task_status TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.task_status TO pgq_admin;

GRANT SELECT ON TABLE pgq.task_throughput TO pgq_viewer;
GRANT SELECT ON TABLE pgq.task_throughput TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.task_throughput TO pgq_admin;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.workers TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.workers TO pgq_admin;

GRANT SELECT ON TABLE pgq.unknown_kinds TO pgq_viewer;
GRANT SELECT ON TABLE pgq.unknown_kinds TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.unknown_kinds TO pgq_admin;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.waiting_workers TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.waiting_workers TO pgq_admin;

GRANT SELECT ON TABLE pgq.worker_utilization TO pgq_viewer;
GRANT SELECT ON TABLE pgq.worker_utilization TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.worker_utilization TO pgq_admin;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.workflow_changes TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.workflow_changes TO pgq_admin;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.workflows TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.workflows TO pgq_admin;

GRANT SELECT ON TABLE pgq.workflow_status TO pgq_viewer;
GRANT SELECT ON TABLE pgq.workflow_status TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.workflow_status TO pgq_admin;

GRANT SELECT ON TABLE pgq.workflow_tasks TO pgq_viewer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.workflow_tasks TO pgq_worker;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE pgq.workflow_tasks TO pgq_admin;
