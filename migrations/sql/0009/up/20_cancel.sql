-- Cancel a task: one that waits ends at once ('cancelled'), one that runs is told ('requested') and ends when its handler stops.
-- What waits for it is told, too.
CREATE OR REPLACE FUNCTION pgq.cancel(task_id uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    answer text := (SELECT c.answer FROM pgq.cancel_tasks(ARRAY[task_id]) AS c);
BEGIN
    IF answer IS NULL THEN
        PERFORM pgq.refuse_ended(task_id, 'only a task that has not ended can be cancelled');
    END IF;
    RETURN answer;
END
$$;
