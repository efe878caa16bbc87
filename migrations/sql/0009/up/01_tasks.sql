-- depends_on: the parents, as they were given. on_parent_failure: cancel (what NULL means), run or wait.
-- waits_for: how many of the parents have not ended yet; in no index, so that counting down stays heap-only.
ALTER TABLE pgq.tasks
    ADD COLUMN depends_on        uuid[],
    ADD COLUMN on_parent_failure text,
    ADD COLUMN workflow_id       uuid,
    ADD COLUMN waits_for         integer;
