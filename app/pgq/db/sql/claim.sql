-- Take up to %(room)s ready tasks for one worker: queues in the order given, each up to its budget, most urgent first.
-- The array is an InitPlan: it runs once, so never more than %(room)s rows are taken. statement_timestamp() is stable, so
-- it bounds the index scan; clock_timestamp() would walk every future task of the lane. A lane is read from where its
-- cursor stands, past the dead entries of what was claimed before. The epoch follows the clock, so that a claim forgotten
-- by a crash is never issued twice with the same number. A lease ends soon after the deadline. kinds NULL: every kind.
UPDATE pgq.tasks AS t
SET    state = 'running', attempt = t.attempt + 1, leased_by = %(worker)s, started_at = clock_timestamp(),
       lease_epoch = greatest(t.lease_epoch + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint),
       deadline_at = clock_timestamp() + make_interval(secs => t.timeout_seconds),
       lease_expires_at = clock_timestamp() + make_interval(secs => least(%(lease)s::float8, t.timeout_seconds + 5))
WHERE  t.ctid = ANY (ARRAY(
         SELECT ready.ctid
         FROM   (SELECT set_config('synchronous_commit',
                                   CASE WHEN %(durable)s OR current_setting('synchronous_standby_names') <> ''
                                   THEN current_setting('synchronous_commit') ELSE 'off' END, true)
                 OFFSET 0) AS durability
         CROSS  JOIN unnest(%(queues)s::text[], %(budgets)s::integer[]) AS served (queue, budget)
         CROSS  JOIN LATERAL (
                SELECT head.ctid
                FROM   unnest(%(lanes)s::text[], %(priorities)s::integer[], %(since)s::timestamptz[], %(since_ids)s::uuid[])
                       AS lane (queue, priority, run_at, id)
                CROSS  JOIN LATERAL (
                       SELECT r.ctid FROM pgq.tasks AS r
                       WHERE  r.state = 'pending' AND r.queue = served.queue AND r.priority = lane.priority
                       AND    (r.run_at, r.id) > (lane.run_at, lane.id)
                       AND    r.run_at <= statement_timestamp() AND (%(kinds)s::text[] IS NULL OR r.kind = ANY (%(kinds)s::text[]))
                       AND    (r.expires_at IS NULL OR r.expires_at > statement_timestamp())
                       ORDER  BY r.run_at, r.id LIMIT served.budget
                       FOR    NO KEY UPDATE SKIP LOCKED) AS head
                WHERE  lane.queue = served.queue
                LIMIT  served.budget) AS ready
         -- A scalar, asked once per queue: a join with all of pgq.queues would also lose the order.
         WHERE  NOT coalesce((SELECT q.paused_at IS NOT NULL AND coalesce(q.paused_until > statement_timestamp(), true)
                              FROM pgq.queues AS q WHERE q.name = served.queue), false)
         LIMIT  %(room)s::integer))
RETURNING t.id, t.kind, t.queue, t.payload::text AS payload, t.attempt, t.max_attempts, t.lease_epoch, t.priority, t.run_at,
          t.timeout_seconds, extract(epoch FROM t.lease_expires_at - t.started_at)::float8 AS lease_seconds, t.tags,
          t.headers::text AS headers, t.depends_on IS NOT NULL AS has_parents
