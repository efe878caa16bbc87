-- A live worker has these kinds; written at most once a minute.
UPDATE pgq.kinds SET seen_at = clock_timestamp() WHERE kind = ANY (%(kinds)s) AND seen_at < clock_timestamp() - interval '1 minute'
