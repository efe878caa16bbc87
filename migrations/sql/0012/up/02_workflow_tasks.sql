-- The tasks of a workflow by their names, in the order in which they were submitted: parents first.
CREATE TABLE pgq.workflow_tasks (
    workflow_id uuid   NOT NULL,
    name        text   NOT NULL CONSTRAINT workflow_task_name CHECK (char_length(name) BETWEEN 1 AND 128),
    task_id     uuid   NOT NULL CONSTRAINT workflow_tasks_once UNIQUE,
    position    bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (workflow_id, name)
);
