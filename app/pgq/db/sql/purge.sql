-- Forget dead letters for good. Locked in id order, past those that another session is at, against deadlocks.
-- What waits for one of them can wait no longer.
WITH chosen AS MATERIALIZED (
    SELECT d.id FROM pgq.dead_tasks AS d WHERE d.id = ANY (%(ids)s::uuid[]) ORDER BY d.id FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM pgq.dead_tasks AS d USING chosen WHERE d.id = chosen.id RETURNING d.id
), released AS MATERIALIZED (
    SELECT pgq.release_children(array_agg(gone.id), array_agg('purged'::text)) FROM gone
)
SELECT gone.id FROM gone, released
