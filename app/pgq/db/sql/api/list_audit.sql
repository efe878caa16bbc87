SELECT id, at, actor, token_id, action, target, details, request_id, address
FROM   pgq.audit_log
WHERE  %(before)s::bigint IS NULL OR id < %(before)s
ORDER  BY id DESC
LIMIT  %(limit)s
