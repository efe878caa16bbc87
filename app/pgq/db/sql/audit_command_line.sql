-- These columns only: whoever steers with SQL may write them, and none of those that name a token, a request, an address.
INSERT INTO pgq.audit_log (actor, action, target, details)
VALUES (%(actor)s, %(action)s, %(target)s, %(details)s::jsonb)
