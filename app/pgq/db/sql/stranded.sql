-- The waiting tasks that the unblocker would settle first: to do it one by one when the batch as a whole fails.
SELECT e.child_id FROM pgq.task_dependencies AS e
WHERE  NOT EXISTS (SELECT FROM pgq.tasks AS p WHERE p.id = e.parent_id)
AND    NOT EXISTS (SELECT FROM pgq.dead_tasks AS d JOIN pgq.tasks AS c ON c.id = e.child_id AND c.on_parent_failure = 'wait'
                   WHERE d.id = e.parent_id)
UNION
SELECT t.id FROM pgq.tasks AS t
WHERE  t.state = 'blocked' AND t.waits_for > 0 AND NOT EXISTS (SELECT FROM pgq.task_dependencies AS e WHERE e.child_id = t.id)
LIMIT  1000
