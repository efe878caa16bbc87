-- Every limit on the number of connections that holds for this user in this database, and how many there are.
SELECT 'the server (max_connections)', count(*),
       current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
FROM   pg_stat_activity AS a WHERE a.backend_type = 'client backend'
UNION  ALL
SELECT 'the database', (SELECT count(*) FROM pg_stat_activity AS a WHERE a.datid = d.oid AND a.backend_type = 'client backend'),
       d.datconnlimit
FROM   pg_database AS d WHERE d.datname = current_database() AND d.datconnlimit > 0
UNION  ALL
SELECT 'the user', (SELECT count(*) FROM pg_stat_activity AS a WHERE a.usesysid = r.oid AND a.backend_type = 'client backend'),
       r.rolconnlimit
FROM   pg_roles AS r WHERE r.rolname = current_user AND r.rolconnlimit > 0
