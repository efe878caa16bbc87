-- Of the parent only, at once: partitions that are made from now on have it, those that are there get theirs one by one.
CREATE INDEX IF NOT EXISTS task_history_workflow ON ONLY pgq.task_history (workflow_id) WHERE workflow_id IS NOT NULL;
