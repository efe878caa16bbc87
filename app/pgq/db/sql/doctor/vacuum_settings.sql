-- Whether anybody cleans up at all, and how often it is looked whether there is something to clean.
SELECT current_setting('autovacuum')::boolean AND current_setting('track_counts')::boolean AS on_server,
       NOT coalesce('autovacuum_enabled=off' = ANY (c.reloptions) OR 'autovacuum_enabled=false' = ANY (c.reloptions), false) AS on_table,
       (SELECT s.setting::float8 FROM pg_settings AS s WHERE s.name = 'autovacuum_naptime') AS naptime
FROM   pg_class AS c WHERE c.oid = 'pgq.tasks'::regclass
