DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgq_submitter') THEN
        REVOKE INSERT (workflow_id) ON pgq.tasks FROM pgq_submitter;
    END IF;
END
$$;
