-- Forget dead letters for good. Locked in id order, past those that another session is at, against deadlocks.
WITH chosen AS MATERIALIZED (
    SELECT d.id FROM pgq.dead_tasks AS d WHERE d.id = ANY (%(ids)s::uuid[]) ORDER BY d.id FOR UPDATE SKIP LOCKED
)
DELETE FROM pgq.dead_tasks AS d USING chosen WHERE d.id = chosen.id RETURNING d.id
