-- Keep lines of logs. Those of a COMMIT that got no answer are written again: what is there already is passed over.
-- Not durable by itself: the commit of the outcome, which comes later, makes it so.
INSERT INTO pgq.task_logs (task_id, lease_epoch, attempt, n, logged_at, level, logger, message)
SELECT l.*
FROM   (SELECT set_config('synchronous_commit', 'off', true) OFFSET 0) AS durability
       CROSS JOIN unnest(%(ids)s::uuid[], %(epochs)s::bigint[], %(attempts)s::integer[], %(numbers)s::integer[],
                         %(moments)s::timestamptz[], %(levels)s::text[], %(loggers)s::text[], %(messages)s::text[]) AS l
ON CONFLICT DO NOTHING
