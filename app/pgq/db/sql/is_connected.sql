-- Does the server process that served a statement still exist? It may be at work on it though its caller has lost it. One
-- that began after the statement has only inherited the number.
SELECT EXISTS (
    SELECT FROM pg_stat_activity
    WHERE  pid = %(pid)s AND backend_start <= clock_timestamp() - make_interval(secs => %(seconds)s))
