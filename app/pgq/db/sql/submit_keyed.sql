-- Submit tasks that have ids and keys, all or none. Waits at most %(patience)s for a key that an open transaction of another
-- session holds: the tasks that share this statement must not wait for it long. As a CTE, since a plain SET would outlive
-- the transaction behind a pooler.
WITH patience AS MATERIALIZED (SELECT set_config('lock_timeout', %(patience)s, true))
SELECT s.position, s.id
FROM   patience, LATERAL pgq.submit_many(CAST(%(tasks)s AS jsonb)) AS s
ORDER  BY s.position
