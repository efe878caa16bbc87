-- Who still waits for whom: one row per parent that a blocked task waits for. Without foreign keys: a parent may be a live
-- task or a dead letter. A row is deleted only by who holds the lock on the child's row.
CREATE TABLE pgq.task_dependencies (
    parent_id uuid NOT NULL,
    child_id  uuid NOT NULL,
    PRIMARY KEY (parent_id, child_id)
);

CREATE INDEX task_dependencies_child ON pgq.task_dependencies (child_id);
