-- Have the partitions of the coming days. Runs only under the turn that pgq.take_turn() gave.
WITH made AS MATERIALIZED (
    SELECT CASE WHEN current_setting('pgq.turn', true) = 'partitioner' THEN pgq.make_partitions() ELSE 0 END AS n
)
SELECT made.n::bigint AS changed, '{}'::uuid[] AS ids, pgq.end_turn('partitioner', made.n) FROM made
