INSERT INTO pgq.audit_log (actor, token_id, action, target, details, request_id, address)
VALUES (%(actor)s, %(token_id)s, %(action)s, %(target)s, %(details)s::jsonb, %(request_id)s, %(address)s)
