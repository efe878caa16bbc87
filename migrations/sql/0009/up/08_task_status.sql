-- Every task, wherever its row is. An id in two tables shows as its live row, then its dead letter, then its history.
CREATE OR REPLACE VIEW pgq.task_status AS
SELECT t.id, t.kind, t.queue,
       CASE WHEN t.state = 'pending' AND t.run_at > clock_timestamp()
            THEN CASE WHEN t.attempt > 0 THEN 'retrying' ELSE 'scheduled' END
            ELSE t.state END AS state,
       t.payload, t.priority, t.attempt, t.max_attempts, t.created_at, t.run_at, t.expires_at, t.started_at,
       NULL::timestamptz AS finished_at, t.timeout_seconds, t.idempotency_key, t.tags, t.headers, t.leased_by AS worker_id,
       t.lease_expires_at, t.cancel_requested_at, t.lease_epoch, NULL::jsonb AS result, t.error, t.progress,
       t.depends_on, t.on_parent_failure, t.workflow_id, t.headers ->> 'schedule' AS schedule
FROM   pgq.tasks AS t
UNION ALL
SELECT d.id, d.kind, d.queue, 'dead', d.payload, d.priority, d.attempt, d.max_attempts, d.created_at, d.run_at, d.expires_at,
       d.started_at, d.finished_at, d.timeout_seconds, d.idempotency_key, d.tags, d.headers, d.leased_by, NULL::timestamptz,
       d.cancel_requested_at, d.lease_epoch, NULL::jsonb, d.error, d.progress,
       d.depends_on, d.on_parent_failure, d.workflow_id, d.headers ->> 'schedule'
FROM   pgq.dead_tasks AS d
WHERE  NOT EXISTS (SELECT FROM pgq.tasks AS t WHERE t.id = d.id)
UNION ALL
SELECT h.id, h.kind, h.queue, h.state, h.payload, h.priority, h.attempt, h.max_attempts, h.created_at, h.run_at, h.expires_at,
       h.started_at, h.finished_at, h.timeout_seconds, h.idempotency_key, h.tags, h.headers, h.leased_by, NULL::timestamptz,
       h.cancel_requested_at, h.lease_epoch, h.result, h.error, h.progress,
       h.depends_on, h.on_parent_failure, h.workflow_id, h.headers ->> 'schedule'
FROM   pgq.task_history AS h
WHERE  NOT EXISTS (SELECT FROM pgq.tasks AS t WHERE t.id = h.id)
AND    NOT EXISTS (SELECT FROM pgq.dead_tasks AS d WHERE d.id = h.id);
