-- The HTTP service changes tokens, and revokes them by a column: nobody deletes one. Nobody changes the audit log.
DO $$
BEGIN
    REVOKE ALL ON FUNCTION pgq.keep_audit_log FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgq_admin') THEN
        GRANT SELECT, INSERT, UPDATE ON pgq.api_tokens TO pgq_admin;
        GRANT SELECT, INSERT ON pgq.audit_log TO pgq_admin;
        GRANT SELECT, INSERT, UPDATE, DELETE ON pgq.rate_limits TO pgq_admin;
    END IF;
END
$$;
