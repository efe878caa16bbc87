-- Who forgets the history of a queue writes down how far that is done. Submitters need no right: the trigger is its owner's.
DO $$
DECLARE
    grants CONSTANT text[] := ARRAY[
        ['pgq_viewer', 'SELECT ON pgq.queue_settings'],
        ['pgq_worker', 'SELECT ON pgq.queue_settings'],
        ['pgq_admin', 'SELECT, INSERT, UPDATE, DELETE ON pgq.queue_settings'],
        ['pgq_worker', 'UPDATE (history_pruned_before) ON pgq.queues'],
        ['pgq_worker', 'EXECUTE ON FUNCTION pgq.waiting_tasks, pgq.refuse_when_full'],
        ['pgq_admin', 'EXECUTE ON FUNCTION pgq.waiting_tasks, pgq.refuse_when_full']];
    granted integer;
BEGIN
    REVOKE ALL ON FUNCTION pgq.waiting_tasks, pgq.refuse_when_full FROM PUBLIC;
    FOR granted IN 1 .. array_length(grants, 1) LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = grants[granted][1]) THEN
            EXECUTE format('GRANT %s TO %I', grants[granted][2], grants[granted][1]);
        END IF;
    END LOOP;
END
$$;
