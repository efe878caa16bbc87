-- What is done once per statement. Wake the workers that sleep, once per queue: a hint only, polling is the guarantee.
-- And refuse the ids of dead letters. Both are asked by one small query, because each costs a single INSERT some 20 µs, and more
-- the more there is in it.
-- The look into dead_tasks is one into the index per row; as a join, the plan of a bulk submit would read all dead
-- letters, and be kept for the single ones that follow in the same session.
CREATE OR REPLACE FUNCTION pgq.notify_ready() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    taken   uuid;
    awaited boolean;
BEGIN
    SELECT (SELECT s.id FROM submitted AS s WHERE (SELECT true FROM pgq.dead_tasks AS d WHERE d.id = s.id) LIMIT 1),
           EXISTS (SELECT FROM pgq.waiting_workers)
    INTO   taken, awaited;
    IF taken IS NOT NULL THEN
        RAISE unique_violation USING MESSAGE = format('id: %s belongs to a dead letter; redrive it instead', taken),
            CONSTRAINT = 'dead_tasks_pkey', TABLE = 'tasks', SCHEMA = 'pgq';
    END IF;
    IF awaited THEN
        PERFORM pg_notify('pgq_ready', lane.queue)
        FROM   (SELECT DISTINCT s.queue FROM submitted AS s
                WHERE  s.state = 'pending' AND s.run_at <= clock_timestamp()) AS lane
        WHERE  EXISTS (SELECT FROM pgq.waiting_workers AS w WHERE lane.queue = ANY (w.queues));
    END IF;
    RETURN NULL;
END
$$;
