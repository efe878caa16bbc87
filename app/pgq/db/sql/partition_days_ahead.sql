-- How many whole days after today have all their partitions (looked for up to a year ahead); -1 when today's is missing.
SELECT coalesce(min(day.n), 366) - 1
FROM   unnest(ARRAY['task_history', 'attempts', 'task_logs']) AS parent (name), generate_series(0, 365) AS day (n)
WHERE  NOT EXISTS (
           SELECT FROM pg_inherits AS i JOIN pg_class AS child ON child.oid = i.inhrelid
           WHERE  i.inhparent = to_regclass('pgq.' || parent.name)
           AND    child.relname = parent.name || to_char((now() AT TIME ZONE 'UTC')::date + day.n, '_YYYYMMDD'))
