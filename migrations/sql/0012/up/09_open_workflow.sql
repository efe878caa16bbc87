-- The row of a workflow that has no tasks yet; pgq.submit_workflow() adds them in the same transaction.
CREATE FUNCTION pgq.open_workflow(workflow_id uuid, name text, on_failure text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
    IF name IS NULL OR char_length(name) NOT BETWEEN 1 AND 128 OR name ~ '[\x01-\x1f\x7f]' THEN
        PERFORM pgq.refuse('name', 'must have 1 to 128 characters, none of them a control character');
    ELSIF on_failure NOT IN ('cancel', 'continue') THEN
        PERFORM pgq.refuse('on_failure', format('must be cancel or continue, not %s', left(on_failure, 40)));
    END IF;
    INSERT INTO pgq.workflows (id, name, on_failure) VALUES (workflow_id, name, coalesce(on_failure, 'cancel'))
    ON CONFLICT (id) DO NOTHING;
    IF NOT FOUND THEN
        PERFORM pgq.refuse('id', 'belongs to another workflow');
    END IF;
END
$$;
