-- Let go on, or end, what waits for parents that have ended unnoticed. Runs only under the turn that pgq.take_turn() gave.
WITH settled AS MATERIALIZED (
    SELECT pgq.unblock_stranded(%(at_most)s, %(only)s::uuid) AS ids WHERE current_setting('pgq.turn', true) = 'unblocker'
), counted AS MATERIALIZED (
    SELECT count(child.id) AS n, coalesce(array_agg(child.id) FILTER (WHERE child.id IS NOT NULL), '{}') AS ids
    FROM   settled LEFT JOIN LATERAL unnest(settled.ids) AS child (id) ON true
)
SELECT counted.n AS changed, counted.ids, pgq.end_turn('unblocker', counted.n) FROM counted
