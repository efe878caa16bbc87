-- Submit tasks that have ids and no keys, all or none, and answer with what was stored, so that nobody reads it again.
-- What an element leaves out is NULL here and filled by the table's own trigger, as for any INSERT.
INSERT INTO pgq.tasks (id, kind, payload, queue, priority, run_at, expires_at, max_attempts, timeout_seconds, depends_on,
                       on_parent_failure, tags, headers)
SELECT t.id, t.kind, t.payload, t.queue, t.priority,
       coalesce(t.run_at, clock_timestamp() + make_interval(secs => t.delay_seconds)),
       t.expires_at, t.max_attempts, t.timeout_seconds, t.depends_on, t.on_parent_failure, t.tags, t.headers
FROM   jsonb_to_recordset(CAST(%(tasks)s AS jsonb)) AS t (
           id uuid, kind text, payload jsonb, queue text, priority integer, run_at timestamptz, delay_seconds double precision,
           expires_at timestamptz, max_attempts integer, timeout_seconds double precision, depends_on uuid[],
           on_parent_failure text, tags text[], headers jsonb)
RETURNING id, queue, CASE WHEN run_at > clock_timestamp() THEN 'scheduled' ELSE state END, priority, max_attempts, created_at,
          run_at, expires_at, timeout_seconds
