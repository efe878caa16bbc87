DROP TABLE pgq.rate_limits, pgq.audit_log, pgq.api_tokens;
