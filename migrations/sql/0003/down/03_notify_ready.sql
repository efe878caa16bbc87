-- Wake the workers that sleep, once per queue and statement. A hint only: polling is the guarantee.
CREATE OR REPLACE FUNCTION pgq.notify_ready() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM pgq.waiting_workers) THEN
        PERFORM pg_notify('pgq_ready', lane.queue)
        FROM   (SELECT DISTINCT s.queue FROM submitted AS s
                WHERE  s.state = 'pending' AND s.run_at <= clock_timestamp()) AS lane
        WHERE  EXISTS (SELECT FROM pgq.waiting_workers AS w WHERE lane.queue = ANY (w.queues));
    END IF;
    RETURN NULL;
END
$$;
