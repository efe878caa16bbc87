-- The partitions whose index is not part of the parent's yet.
SELECT c.relname
FROM   pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE  i.inhparent = 'pgq.task_history'::regclass AND NOT i.inhdetachpending
AND    NOT EXISTS (SELECT FROM pg_index AS x JOIN pg_inherits AS a ON a.inhrelid = x.indexrelid
                   WHERE x.indrelid = c.oid AND a.inhparent = 'pgq.task_history_workflow'::regclass)
ORDER  BY c.relname
