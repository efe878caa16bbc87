-- A new secret; the one before stays valid for the grace period. An older one ends now.
UPDATE pgq.api_tokens
SET    previous_hash = secret_hash, previous_until = clock_timestamp() + make_interval(secs => %(grace)s),
       secret_hash = %(secret_hash)s, rotated_at = clock_timestamp()
WHERE  id = %(id)s AND revoked_at IS NULL
RETURNING id, name, scopes, queues, created_at, created_by, rotated_at, expires_at, revoked_at
