-- One migrator at a time; the others ask again and then find the work done. Who waited inside of a statement would hold a
-- snapshot, and CREATE INDEX CONCURRENTLY waits for those.
SELECT pg_try_advisory_lock(hashtext('pgq.migrate'))
