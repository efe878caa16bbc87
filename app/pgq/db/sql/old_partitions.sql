-- The partitions whose last row is older than the retention (also those that were detached but not dropped yet),
-- and whether this user may drop them.
SELECT left(child.relname, -9) AS parent, child.relname::text AS child, i.inhrelid IS NOT NULL AS attached,
       coalesce(i.inhdetachpending, false) AS half_detached, pg_has_role(child.relowner, 'MEMBER') AS may_drop
FROM   pg_class AS child LEFT JOIN pg_inherits AS i ON i.inhrelid = child.oid
WHERE  child.relnamespace = 'pgq'::regnamespace AND child.relkind = 'r' AND child.relname ~ '^(task_history|attempts|task_logs)_\d{8}$'
AND    (to_date(right(child.relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC'
       < clock_timestamp() - make_interval(secs => %(retention)s)
ORDER  BY child.relname
