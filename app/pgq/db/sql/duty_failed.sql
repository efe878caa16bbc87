-- Put a failed duty off by one period and say why, so that the other duties and the next try go on. (Where the clock was
-- put back, its last turn lies ahead.)
UPDATE pgq.maintenance SET failed_at = clock_timestamp(), failure = %(failure)s,
       last_started_at = least(last_started_at, clock_timestamp()),
       next_due_at = clock_timestamp() + make_interval(secs => %(period)s)
WHERE  duty = %(duty)s
