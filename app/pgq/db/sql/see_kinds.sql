-- A live worker has these kinds; written at most once a minute. One that somebody else holds at the moment is skipped: a
-- lease keeper must not wait.
UPDATE pgq.kinds AS k SET seen_at = clock_timestamp()
WHERE  k.kind = ANY (ARRAY(
         SELECT s.kind FROM pgq.kinds AS s
         WHERE  s.kind = ANY (%(kinds)s) AND s.seen_at < clock_timestamp() - interval '1 minute'
         ORDER  BY s.kind FOR NO KEY UPDATE SKIP LOCKED))
