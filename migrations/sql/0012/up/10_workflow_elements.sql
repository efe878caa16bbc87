-- What pgq.submit_many() takes for the tasks of a workflow: names become ids. `depends_on` holds names of tasks that stand
-- before it or are in the workflow already, or ids of any tasks. So a circle cannot be written down.
-- Names are looked up in JSON objects, not joined: no plan can make it slow.
CREATE FUNCTION pgq.workflow_elements(workflow_id uuid, tasks jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
#variable_conflict use_variable
DECLARE
    an_id   CONSTANT text := '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$';
    most    CONSTANT integer := 20000;
    flow    pgq.workflow_status%ROWTYPE;
    bad     record;
    ids     uuid[];
    places  jsonb;
    members jsonb;
BEGIN
    SELECT s.* INTO flow FROM pgq.workflow_status AS s WHERE s.id = workflow_id;
    IF flow.id IS NULL THEN
        PERFORM pgq.refuse_workflow(workflow_id, '');
    ELSIF flow.state <> 'running' THEN
        PERFORM pgq.refuse_workflow(workflow_id, 'only one that runs takes more tasks');
    ELSIF flow.stopped_at IS NOT NULL THEN
        PERFORM pgq.refuse_workflow(workflow_id, 'its tasks are being cancelled, so it takes no more');
    ELSIF tasks IS NULL OR jsonb_typeof(tasks) <> 'array' OR jsonb_array_length(tasks) NOT BETWEEN 1 AND most THEN
        PERFORM pgq.refuse('tasks', format('must be a JSON array of 1 to %s objects', most));
    END IF;

    SELECT item.n - 1 AS nth, wrong.field, wrong.reason INTO bad
    FROM   jsonb_array_elements(tasks) WITH ORDINALITY AS item (task, n), LATERAL (SELECT
           CASE WHEN jsonb_typeof(item.task) <> 'object' THEN ARRAY['tasks', 'must hold objects only']
                WHEN jsonb_typeof(item.task -> 'name') IS DISTINCT FROM 'string'
                     OR char_length(item.task ->> 'name') NOT BETWEEN 1 AND 128 OR item.task ->> 'name' ~ '[\x01-\x1f\x7f]'
                THEN ARRAY['name', 'must have 1 to 128 characters, none of them a control character']
                WHEN item.task ->> 'name' ~ an_id THEN ARRAY['name', 'must not look like an id']
                WHEN jsonb_typeof(item.task -> 'id') = 'string' AND item.task ->> 'id' ~ an_id IS NOT TRUE THEN ARRAY['id', 'must be a UUID']
                WHEN item.task ->> 'idempotency_key' IS NOT NULL
                THEN ARRAY['idempotency_key', 'is not for the tasks of a workflow: their names are unique in it']
                WHEN jsonb_typeof(item.task -> 'depends_on') NOT IN ('array', 'null')
                     OR jsonb_path_exists(item.task, '$.depends_on[*] ? (@.type() != "string")')
                THEN ARRAY['depends_on', 'must be an array of names'] END AS said) AS checked,
           LATERAL (SELECT checked.said[1] AS field, checked.said[2] AS reason) AS wrong
    WHERE  checked.said IS NOT NULL ORDER BY item.n LIMIT 1;
    IF FOUND THEN
        PERFORM pgq.refuse_at(bad.nth, bad.field, bad.reason);
    END IF;

    SELECT array_agg(coalesce((item.task ->> 'id')::uuid, pgq.uuid7()) ORDER BY item.n), jsonb_object_agg(item.task ->> 'name', item.n)
    INTO   ids, places
    FROM   jsonb_array_elements(tasks) WITH ORDINALITY AS item (task, n);

    -- Of equal names the object keeps the last place.
    SELECT item.n - 1 AS nth, item.task ->> 'name' AS name INTO bad
    FROM   jsonb_array_elements(tasks) WITH ORDINALITY AS item (task, n)
    WHERE  (places ->> (item.task ->> 'name'))::bigint > item.n
           OR EXISTS (SELECT FROM pgq.workflow_tasks AS m WHERE m.workflow_id = flow.id AND m.name = item.task ->> 'name')
    ORDER  BY item.n LIMIT 1;
    IF FOUND THEN
        PERFORM pgq.refuse_at(bad.nth, 'name', format('%s is the name of another task of this workflow', bad.name));
    END IF;

    SELECT jsonb_object_agg(m.name, m.task_id) INTO members
    FROM   pgq.workflow_tasks AS m
    WHERE  m.workflow_id = flow.id AND m.name IN (
           SELECT parent.name FROM jsonb_array_elements(tasks) AS item (task),
                  LATERAL jsonb_array_elements_text(nullif(item.task -> 'depends_on', 'null')) AS parent (name)
           WHERE  NOT places ? parent.name);

    RETURN (
        SELECT jsonb_agg(item.task - 'name'
               || jsonb_build_object(
                      'id', ids[item.n], 'workflow_id', flow.id,
                      'headers', CASE WHEN jsonb_typeof(item.task -> 'headers') NOT IN ('object', 'null') THEN item.task -> 'headers'
                                 ELSE coalesce(nullif(item.task -> 'headers', 'null'), '{}')
                                      || jsonb_build_object('workflow_id', flow.id, 'workflow_node', item.task -> 'name') END,
                      'depends_on', parents.ids)
               ORDER BY item.n)
        FROM   jsonb_array_elements(tasks) WITH ORDINALITY AS item (task, n), LATERAL (
               SELECT jsonb_agg(CASE
                      WHEN (places ->> parent.name)::bigint < item.n THEN to_jsonb(ids[(places ->> parent.name)::bigint])
                      WHEN (places ->> parent.name)::bigint = item.n
                      THEN to_jsonb(pgq.refuse_at(item.n - 1, 'depends_on', 'a task cannot depend on itself')::text)
                      WHEN places ? parent.name
                      THEN to_jsonb(pgq.refuse_at(item.n - 1, 'depends_on', format('%s stands behind it; parents come first', parent.name))::text)
                      WHEN members ? parent.name THEN members -> parent.name
                      WHEN parent.name ~ an_id THEN to_jsonb(parent.name)
                      ELSE to_jsonb(pgq.refuse_at(item.n - 1, 'depends_on',
                                    format('no task of this workflow is called %s', left(parent.name, 128)))::text) END
                      ORDER BY parent.k) AS ids
               FROM   jsonb_array_elements_text(nullif(item.task -> 'depends_on', 'null')) WITH ORDINALITY AS parent (name, k)) AS parents);
END
$$;
