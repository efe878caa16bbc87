-- Operators may write schedules with SQL; every worker publishes those of its code and takes its turns as the scheduler.
-- Who steers at the command line leaves a line in the audit log: it may say who and what, and speak for no token or request.
DO $$
DECLARE
    grants CONSTANT text[] := ARRAY[
        ['pgq_viewer', 'SELECT ON pgq.schedules, pgq.schedule_ticks, pgq.kinds'],
        ['pgq_worker', 'SELECT, INSERT, UPDATE, DELETE ON pgq.schedules, pgq.schedule_ticks'],
        ['pgq_worker', 'EXECUTE ON FUNCTION pgq.accept_schedule'],
        ['pgq_worker', 'INSERT (actor, action, target, details) ON pgq.audit_log'],
        ['pgq_admin', 'SELECT, INSERT, UPDATE, DELETE ON pgq.schedules, pgq.schedule_ticks'],
        ['pgq_admin', 'EXECUTE ON FUNCTION pgq.accept_schedule']];
    granted integer;
BEGIN
    REVOKE ALL ON FUNCTION pgq.accept_schedule FROM PUBLIC;
    FOR granted IN 1 .. array_length(grants, 1) LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = grants[granted][1]) THEN
            EXECUTE format('GRANT %s TO %I', grants[granted][2], grants[granted][1]);
        END IF;
    END LOOP;
END
$$;
