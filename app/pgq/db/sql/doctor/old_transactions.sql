-- Sessions that keep what has been deleted since from being cleaned away: each holds a snapshot or a transaction's id.
SELECT a.pid, a.application_name, coalesce(a.client_addr::text, 'local'), a.usename::text, a.state,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS age
FROM   pg_stat_activity AS a
WHERE  a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'
AND    (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)
AND    a.xact_start < clock_timestamp() - make_interval(secs => %(patience)s)
ORDER  BY a.xact_start
