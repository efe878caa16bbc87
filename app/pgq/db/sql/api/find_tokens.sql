-- The tokens of requests that came together, as they are now: a revocation that has committed counts from here on.
SELECT id, name, scopes, queues, secret_hash, CASE WHEN previous_until > clock_timestamp() THEN previous_hash END
FROM   pgq.api_tokens
WHERE  id = ANY (%(ids)s::text[])
AND    revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
