DROP FUNCTION pgq.keep_audit_log();
