-- The row of a workflow that has no tasks yet; pgq.submit_workflow() adds them in the same transaction. Answers NULL; or, where
-- the key is known, the id of the workflow that has it, and nothing is to be added: it was submitted before. PQ001 if not with this content.
-- Of two that come at once the second waits for the first one's COMMIT.
CREATE FUNCTION pgq.open_workflow(workflow_id uuid, name text, on_failure text, idempotency_key text, fingerprint bytea) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
#variable_conflict use_variable
DECLARE
    known pgq.workflows%ROWTYPE;
BEGIN
    IF name IS NULL OR char_length(name) NOT BETWEEN 1 AND 128 OR name ~ '[\x01-\x1f\x7f]' THEN
        PERFORM pgq.refuse('name', 'must have 1 to 128 characters, none of them a control character');
    ELSIF on_failure NOT IN ('cancel', 'continue') THEN
        PERFORM pgq.refuse('on_failure', format('must be cancel or continue, not %s', left(on_failure, 40)));
    ELSIF char_length(idempotency_key) NOT BETWEEN 1 AND 255 THEN
        PERFORM pgq.refuse('idempotency_key', 'must have 1 to 255 characters');
    END IF;
    INSERT INTO pgq.workflows (id, name, on_failure, idempotency_key, fingerprint)
    VALUES (workflow_id, name, coalesce(on_failure, 'cancel'), idempotency_key, fingerprint)
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    SELECT w.* INTO known FROM pgq.workflows AS w WHERE w.idempotency_key = open_workflow.idempotency_key;
    IF known.id IS NULL THEN
        PERFORM pgq.refuse('id', 'belongs to another workflow');
    ELSIF known.fingerprint IS DISTINCT FROM fingerprint THEN
        RAISE EXCEPTION USING ERRCODE = 'PQ001',
            MESSAGE = format('idempotency_key: %s was used for another workflow', idempotency_key),
            DETAIL = json_build_object('field', 'idempotency_key', 'reason', 'was used for another workflow')::text,
            HINT = 'Use a new key for a new request, or repeat the first request unchanged.';
    END IF;
    RETURN known.id;
END
$$;
