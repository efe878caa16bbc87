-- Which task has this name in a workflow?
SELECT task_id FROM pgq.workflow_tasks WHERE workflow_id = %(workflow_id)s AND name = %(name)s
