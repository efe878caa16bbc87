-- Once is enough: the first moment stays.
UPDATE pgq.api_tokens SET revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE id = %(id)s
RETURNING name
