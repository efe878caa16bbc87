-- Take up to `wanted` from each bucket, which fills by `rate` a second up to `burst`; answers what was given.
-- All processes share the buckets: whatever each takes ahead, together they never pass burst + rate × time.
-- In the buckets' order, so that two takers never wait for each other.
INSERT INTO pgq.rate_limits AS held (bucket, tokens, granted, updated_at)
SELECT bucket, burst - least(wanted, burst), least(wanted, burst), statement_timestamp()
FROM   unnest(%(buckets)s::text[], %(rates)s::float8[], %(bursts)s::float8[], %(wanted)s::float8[])
       AS asked (bucket, rate, burst, wanted)
ORDER  BY bucket
ON     CONFLICT (bucket) DO UPDATE SET (tokens, granted, updated_at) = (
         SELECT filled - given, given, greatest(held.updated_at, statement_timestamp())
         FROM   unnest(%(buckets)s::text[], %(rates)s::float8[], %(bursts)s::float8[], %(wanted)s::float8[])
                AS asked (bucket, rate, burst, wanted)
         CROSS  JOIN LATERAL (SELECT least(asked.burst, held.tokens + asked.rate * greatest(0,
                extract(epoch FROM statement_timestamp() - held.updated_at)::float8)) AS filled) AS now
         CROSS  JOIN LATERAL (SELECT least(asked.wanted, floor(now.filled + 1e-9)) AS given) AS grant_
         WHERE  asked.bucket = held.bucket)
RETURNING bucket, granted, tokens
