ALTER TABLE pgq.dead_tasks
    ADD COLUMN depends_on        uuid[],
    ADD COLUMN on_parent_failure text,
    ADD COLUMN workflow_id       uuid;
