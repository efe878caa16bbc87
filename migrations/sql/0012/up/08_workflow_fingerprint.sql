-- What two submits with one key must have in common: the workflow's name and policy, and of each task its name, kind, payload
-- and parents, in their order. `rest` stands for tasks that later statements of the transaction add.
CREATE FUNCTION pgq.workflow_fingerprint(workflow jsonb) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT sha256(convert_to(jsonb_build_array(
               workflow ->> 'name', coalesce(workflow ->> 'on_failure', 'cancel'), workflow ->> 'rest', jsonb_agg(jsonb_build_array(
                   item.task ->> 'name', item.task ->> 'kind', coalesce(nullif(item.task -> 'payload', 'null'), '{}'),
                   coalesce(nullif(item.task -> 'depends_on', 'null'), '[]'), item.task ->> 'on_parent_failure') ORDER BY item.n))::text, 'UTF8'))
    FROM   jsonb_array_elements(CASE jsonb_typeof(workflow -> 'tasks') WHEN 'array' THEN workflow -> 'tasks' ELSE '[]' END)
           WITH ORDINALITY AS item (task, n)
$$;
