-- These remote workers live. Written at most once a second each, and not at all where somebody else is about to: with
-- several API processes nobody waits for anybody. The answer holds those that are registered.
WITH given AS MATERIALIZED (
    SELECT g.id, max(g.capacity) AS capacity
    FROM   unnest(%(ids)s::uuid[], %(capacities)s::integer[]) AS g (id, capacity) GROUP BY g.id
), stale AS MATERIALIZED (
    SELECT w.id, given.capacity
    FROM   pgq.workers AS w JOIN given ON given.id = w.id
    WHERE  w.remote AND (w.beat_at < clock_timestamp() - interval '1 s' OR w.capacity < given.capacity)
    ORDER  BY w.id FOR NO KEY UPDATE OF w SKIP LOCKED
), beaten AS (
    UPDATE pgq.workers AS w
    SET    beat_at = clock_timestamp(), capacity = greatest(w.capacity, stale.capacity)
    FROM   stale WHERE w.id = stale.id
)
SELECT w.id, w.name, w.token_id, w.queues, w.kinds, w.state = 'draining' AS draining
FROM   pgq.workers AS w JOIN given ON given.id = w.id WHERE w.remote
