-- Put a failed duty off by one period and say why, so that the other duties and the next try go on.
UPDATE pgq.maintenance SET failed_at = clock_timestamp(), failure = %(failure)s,
       next_due_at = clock_timestamp() + make_interval(secs => %(period)s)
WHERE  duty = %(duty)s
