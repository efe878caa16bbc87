-- Would counting the tasks take too long to be done at every look? Then the last sample has to do, if it is fresh.
-- SECURITY DEFINER: viewers read the views only.
CREATE FUNCTION pgq.answers_from_samples() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (SELECT sum(c.reltuples) FROM pg_class AS c
            WHERE  c.oid IN ('pgq.tasks'::regclass, 'pgq.dead_tasks'::regclass)) > 1000000
           AND EXISTS (SELECT FROM pgq.queue_samples AS s WHERE s.sampled_at > statement_timestamp() - interval '1 min')
$$;
