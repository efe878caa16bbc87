-- Add tasks to a workflow: {"workflow_id": …, "tasks": […]}. One parameter, cast twice as in submit_many.sql.
SELECT added.position, added.id
FROM   (SELECT CAST(CAST(%(addition)s AS text) AS jsonb) AS addition) AS given,
       LATERAL pgq.add_workflow_tasks((given.addition ->> 'workflow_id')::uuid, given.addition -> 'tasks') AS added
ORDER  BY added.position
