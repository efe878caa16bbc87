-- What the parents of these running tasks have given, in the order of depends_on; where %(queues)s are given (for LIKE), of
-- parents in such queues only. From where the results of one task are more than %(most)s bytes together, none is sent.
-- Sorted before the look-ups, so that nothing large is. Each parent is looked up by its id (LATERAL … LIMIT): the planner
-- cannot make a join of it that reads whole tables. Most are in the history, so that comes first.
SELECT part.child, part.id, part.name, CASE WHEN part.bytes > %(most)s::bigint THEN NULL ELSE part.result END AS result,
       coalesce(part.bytes > %(most)s::bigint, false) AS too_large
FROM  (SELECT listed.child, listed.id, found.name, found.result,
              sum(octet_length(found.result)) OVER (PARTITION BY listed.child ORDER BY listed.place ROWS UNBOUNDED PRECEDING) AS bytes
       FROM  (SELECT t.id AS child, parent.id, parent.place
              FROM   pgq.tasks AS t CROSS JOIN LATERAL unnest(t.depends_on) WITH ORDINALITY AS parent (id, place)
              WHERE  t.id = ANY (%(ids)s::uuid[])
              ORDER  BY t.id, parent.place OFFSET 0) AS listed
       LEFT JOIN LATERAL (
              SELECT h.queue, h.headers ->> 'workflow_node' AS name, h.result::text AS result
              FROM   pgq.task_history AS h WHERE h.id = listed.id
              UNION ALL
              SELECT d.queue, d.headers ->> 'workflow_node', NULL FROM pgq.dead_tasks AS d WHERE d.id = listed.id
              UNION ALL
              SELECT l.queue, l.headers ->> 'workflow_node', NULL FROM pgq.tasks AS l WHERE l.id = listed.id
              LIMIT 1) AS found ON true
       WHERE  %(queues)s::text[] IS NULL OR found.queue LIKE ANY (%(queues)s::text[])) AS part
