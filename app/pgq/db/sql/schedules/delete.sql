-- No row when a live worker has it in its code, which would publish it again, or when there is none.
DELETE FROM pgq.schedules AS s
WHERE  s.name = %(name)s
AND    (s.source = 'user' OR s.seen_at < clock_timestamp() - make_interval(secs => %(alive)s))
