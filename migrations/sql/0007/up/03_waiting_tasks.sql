-- How many tasks wait in a queue (due, scheduled or retrying), counted no further than to `most`.
-- By index whatever the statistics say: a session may keep a plan from when the table was empty.
CREATE FUNCTION pgq.waiting_tasks(queue text, most integer) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
BEGIN
    RETURN (SELECT count(*)
            FROM   (SELECT FROM pgq.tasks AS t WHERE t.queue = waiting_tasks.queue AND t.state = 'pending' LIMIT most) AS counted);
END
$$;
