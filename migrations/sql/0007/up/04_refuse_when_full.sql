-- Back-pressure: refuse a statement that would leave more tasks waiting in a queue than its max_depth.
-- It holds no lock, which would let one long transaction of a submitter keep all the others waiting. So submits that run
-- at the same moment do not see each other, and together may exceed max_depth by what they bring.
CREATE FUNCTION pgq.refuse_when_full() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    crowded pgq.queues%ROWTYPE;
BEGIN
    -- Two looks that cost next to nothing, for where no queue has a max_depth and for submits to others that have none.
    IF NOT EXISTS (SELECT FROM pgq.queues AS q WHERE q.max_depth IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT FROM pgq.queues AS q
                   WHERE  q.max_depth IS NOT NULL AND EXISTS (SELECT FROM submitted AS s WHERE s.queue = q.name)) THEN
        RETURN NULL;
    END IF;
    SELECT q.* INTO crowded FROM pgq.queues AS q
    WHERE  q.max_depth IS NOT NULL AND EXISTS (SELECT FROM submitted AS s WHERE s.queue = q.name)
    AND    pgq.waiting_tasks(q.name, q.max_depth + 1) > q.max_depth
    ORDER  BY q.name LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'PQ002',
            MESSAGE = format('queue %s is full: at most %s tasks may wait in it', crowded.name, crowded.max_depth),
            DETAIL = json_build_object('queue', crowded.name, 'max_depth', crowded.max_depth)::text,
            HINT = 'Submit again later, or fewer at once.';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER refuse_when_full AFTER INSERT ON pgq.tasks
    REFERENCING NEW TABLE AS submitted FOR EACH STATEMENT EXECUTE FUNCTION pgq.refuse_when_full();
