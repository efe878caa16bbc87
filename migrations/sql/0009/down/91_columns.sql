ALTER TABLE pgq.tasks
    DROP COLUMN depends_on,
    DROP COLUMN on_parent_failure,
    DROP COLUMN workflow_id,
    DROP COLUMN waits_for;

ALTER TABLE pgq.task_history
    DROP COLUMN depends_on,
    DROP COLUMN on_parent_failure,
    DROP COLUMN workflow_id;

ALTER TABLE pgq.dead_tasks
    DROP COLUMN depends_on,
    DROP COLUMN on_parent_failure,
    DROP COLUMN workflow_id;

ALTER TABLE pgq.maintenance DROP COLUMN place;
