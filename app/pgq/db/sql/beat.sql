-- The worker lives. No row: it was silent for so long that it was pruned, and must register again.
-- listener_since stays as it is, to the microsecond, until the listener's state has changed since the last beat.
UPDATE pgq.workers AS w
SET    beat_at = clock_timestamp(), state = %(state)s, listener = %(listener)s,
       listener_since = CASE WHEN w.listener = %(listener)s AND w.listener_since > said.since - interval '1 s'
                             THEN w.listener_since ELSE said.since END
FROM   (SELECT clock_timestamp() - make_interval(secs => %(listener_for)s)) AS said (since)
WHERE  w.id = %(id)s
RETURNING w.id
