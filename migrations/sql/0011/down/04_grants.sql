-- What viewers could not read before, and workers not write.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgq_viewer') THEN
        REVOKE SELECT ON pgq.kinds FROM pgq_viewer;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgq_worker') THEN
        REVOKE INSERT (actor, action, target, details) ON pgq.audit_log FROM pgq_worker;
    END IF;
END
$$;
