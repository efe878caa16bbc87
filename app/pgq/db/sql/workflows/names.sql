-- The tasks of a workflow by name, in the order in which they were submitted: parents first.
SELECT m.task_id, m.name FROM pgq.workflow_tasks AS m WHERE m.workflow_id = %(id)s ORDER BY m.position
