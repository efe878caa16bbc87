-- Transactions that were prepared and neither committed nor rolled back.
SELECT p.gid, extract(epoch FROM clock_timestamp() - p.prepared)::float8 AS age FROM pg_prepared_xacts AS p
WHERE  p.database = current_database() AND p.prepared < clock_timestamp() - make_interval(secs => %(patience)s)
ORDER  BY p.prepared
