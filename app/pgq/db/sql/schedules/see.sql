-- A live worker has these in its code; written every 15 seconds at most. One that somebody else holds at the moment is
-- skipped: a lease keeper must not wait. (A clock may have been put back: what lies ahead is written anew.)
WITH seen AS (
    UPDATE pgq.schedules AS s SET seen_at = clock_timestamp()
    WHERE  s.name = ANY (ARRAY(
             SELECT c.name FROM pgq.schedules AS c
             WHERE  c.name = ANY (%(names)s) AND c.source = 'code'
             AND    (c.seen_at BETWEEN clock_timestamp() - interval '15 s' AND clock_timestamp()) IS NOT TRUE
             ORDER  BY c.name FOR NO KEY UPDATE SKIP LOCKED))
)
SELECT s.name, s.source FROM pgq.schedules AS s WHERE s.name = ANY (%(names)s)
