-- One migrator at a time; the others wait here and then find the work done.
SELECT pg_advisory_lock(hashtext('pgq.migrate'))
