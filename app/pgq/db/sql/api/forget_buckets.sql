-- A bucket that nobody has taken from for an hour is full, or as good as.
DELETE FROM pgq.rate_limits
WHERE  bucket = ANY (ARRAY(SELECT bucket FROM pgq.rate_limits
                           WHERE updated_at < clock_timestamp() - interval '1 hour' FOR UPDATE SKIP LOCKED))
