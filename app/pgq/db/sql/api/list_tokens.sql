-- Newest first, behind (created_at, id).
SELECT id, name, scopes, queues, created_at, created_by, rotated_at, expires_at, revoked_at
FROM   pgq.api_tokens
WHERE  %(before_at)s::timestamptz IS NULL OR (created_at, id) < (%(before_at)s, %(before_id)s)
ORDER  BY created_at DESC, id DESC
LIMIT  %(limit)s
