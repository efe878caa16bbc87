-- Only triggers call it, with the rights of whoever changes a task.
DO $$
DECLARE
    grants CONSTANT text[] := ARRAY[
        ['pgq_worker', 'EXECUTE ON FUNCTION pgq.refuse_change'],
        ['pgq_admin', 'EXECUTE ON FUNCTION pgq.refuse_change']];
    granted integer;
BEGIN
    REVOKE ALL ON FUNCTION pgq.refuse_change FROM PUBLIC;
    FOR granted IN 1 .. array_length(grants, 1) LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = grants[granted][1]) THEN
            EXECUTE format('GRANT %s TO %I', grants[granted][2], grants[granted][1]);
        END IF;
    END LOOP;
END
$$;
