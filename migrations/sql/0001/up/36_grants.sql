-- What each role may do. Nothing is granted to PUBLIC.
DO $$
DECLARE
    grants CONSTANT text[] := ARRAY[
        ['pgq_submitter', 'USAGE ON SCHEMA pgq'],
        ['pgq_submitter', 'INSERT (id, kind, payload, queue, priority, run_at, expires_at, max_attempts, timeout_seconds, idempotency_key, tags, headers) ON pgq.tasks'],
        ['pgq_submitter', 'SELECT (id) ON pgq.tasks'],
        ['pgq_submitter', 'SELECT ON pgq.kinds'],
        ['pgq_submitter', 'SELECT (name, timeout_seconds) ON pgq.queues'],
        ['pgq_submitter', 'EXECUTE ON FUNCTION pgq.submit, pgq.submit_many, pgq.claim_keys, pgq.fingerprint, pgq.check_payload, pgq.has_huge_numbers, pgq.refuse, pgq.uuid7'],
        ['pgq_viewer', 'USAGE ON SCHEMA pgq'],
        ['pgq_viewer', 'SELECT ON pgq.task_status, pgq.queue_depth, pgq.dead_letters, pgq.worker_utilization, pgq.unknown_kinds, pgq.maintenance_status'],
        ['pgq_worker', 'USAGE ON SCHEMA pgq'],
        ['pgq_worker', 'SELECT, INSERT, UPDATE, DELETE ON pgq.tasks, pgq.task_history, pgq.dead_tasks, pgq.attempts, pgq.kinds, pgq.workers, pgq.waiting_workers, pgq.idempotency_keys'],
        ['pgq_worker', 'SELECT, UPDATE ON pgq.maintenance'],
        ['pgq_worker', 'SELECT ON pgq.queues, pgq.alembic_version, pgq.task_status, pgq.queue_depth, pgq.dead_letters, pgq.worker_utilization, pgq.unknown_kinds, pgq.maintenance_status'],
        ['pgq_worker', 'EXECUTE ON ALL FUNCTIONS IN SCHEMA pgq'],
        ['pgq_admin', 'USAGE ON SCHEMA pgq'],
        ['pgq_admin', 'SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pgq'],
        ['pgq_admin', 'EXECUTE ON ALL FUNCTIONS IN SCHEMA pgq']];
    granted integer;
BEGIN
    REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pgq FROM PUBLIC;
    FOR granted IN 1 .. array_length(grants, 1) LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = grants[granted][1]) THEN
            EXECUTE format('GRANT %s TO %I', grants[granted][2], grants[granted][1]);
        END IF;
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgq_admin') THEN
        REVOKE INSERT, UPDATE, DELETE ON pgq.alembic_version FROM pgq_admin;
    END IF;
END
$$;
