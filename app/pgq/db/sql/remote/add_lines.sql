-- Lines for the logs of running attempts, numbered on from what is there; the fence is asked. Not durable by itself: the
-- commit of the outcome, which comes later, makes it so. A line with a number of its own that is there already is a
-- heartbeat's that was sent again. The last one that is kept says so.
INSERT INTO pgq.task_logs (task_id, lease_epoch, attempt, n, level, logger, message)
SELECT t.id, t.lease_epoch, t.attempt, line.n,
       CASE WHEN line.n < %(most)s THEN line.level ELSE 'warning' END,
       CASE WHEN line.n < %(most)s THEN line.logger ELSE 'pgq' END,
       CASE WHEN line.n < %(most)s THEN line.message ELSE %(no_more)s END
FROM   (SELECT set_config('synchronous_commit', 'off', true) OFFSET 0) AS durability
       CROSS JOIN LATERAL (
       SELECT said.*, coalesce(said.number, said.last + said.place) AS n
       FROM   (SELECT given.*, row_number() OVER (PARTITION BY given.id, given.epoch ORDER BY given.at) AS place,
                      coalesce((SELECT max(l.n) FROM pgq.task_logs AS l
                                WHERE l.task_id = given.id AND l.lease_epoch = given.epoch), 0) AS last
               FROM   unnest(%(ids)s::uuid[], %(epochs)s::bigint[], %(numbers)s::integer[], %(levels)s::text[],
                             %(loggers)s::text[], %(messages)s::text[])
                      WITH ORDINALITY AS given (id, epoch, number, level, logger, message, at)) AS said) AS line
       JOIN pgq.tasks AS t ON t.id = line.id AND t.lease_epoch = line.epoch AND t.leased_by = %(worker)s
WHERE  line.n <= %(most)s
AND    NOT EXISTS (SELECT FROM pgq.task_logs AS l WHERE l.task_id = line.id AND l.lease_epoch = line.epoch AND l.n = line.n)
ON CONFLICT DO NOTHING
