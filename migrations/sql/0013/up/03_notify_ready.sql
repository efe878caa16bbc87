-- What is done once per statement. Wake the workers that sleep, once per queue: a hint only, polling is the guarantee.
-- And refuse the ids of dead letters; what was notified is undone with the rest. One SELECT, because each costs a single
-- INSERT some 20 µs. Where nobody waits, the rows are not looked through (the inner EXISTS is asked once, before them).
-- The look into dead_tasks is one into the index per row; as a join, the plan of a bulk submit would read all dead
-- letters, and be kept for the single ones that follow in the same session.
CREATE OR REPLACE FUNCTION pgq.notify_ready() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    taken uuid;
    told  bigint;
BEGIN
    SELECT (SELECT s.id FROM submitted AS s WHERE (SELECT true FROM pgq.dead_tasks AS d WHERE d.id = s.id) LIMIT 1),
           (SELECT count(pg_notify('pgq_ready', lane.queue))
            FROM   (SELECT DISTINCT s.queue FROM submitted AS s
                    WHERE  s.state = 'pending' AND s.run_at <= clock_timestamp()) AS lane
            WHERE  (SELECT EXISTS (SELECT FROM pgq.waiting_workers))
            AND    EXISTS (SELECT FROM pgq.waiting_workers AS w WHERE lane.queue = ANY (w.queues)))
    INTO   taken, told;
    IF taken IS NOT NULL THEN
        RAISE unique_violation USING MESSAGE = format('id: %s belongs to a dead letter; redrive it instead', taken),
            CONSTRAINT = 'dead_tasks_pkey', TABLE = 'tasks', SCHEMA = 'pgq';
    END IF;
    RETURN NULL;
END
$$;
