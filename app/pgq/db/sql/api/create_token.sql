INSERT INTO pgq.api_tokens (id, name, scopes, queues, secret_hash, created_by, expires_at)
VALUES (%(id)s, %(name)s, %(scopes)s, %(queues)s, %(secret_hash)s, %(created_by)s,
        coalesce(%(expires_at)s::timestamptz, clock_timestamp() + make_interval(secs => %(expires_in)s)))
RETURNING id, name, scopes, queues, created_at, created_by, rotated_at, expires_at, revoked_at
