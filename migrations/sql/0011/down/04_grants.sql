-- What viewers could not read before.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgq_viewer') THEN
        REVOKE SELECT ON pgq.kinds FROM pgq_viewer;
    END IF;
END
$$;
