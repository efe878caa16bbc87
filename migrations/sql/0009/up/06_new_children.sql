-- What a transaction has still to look at when it commits: the tasks with parents that it submitted. Its rows never outlive
-- their transaction, so a crash may forget them.
CREATE UNLOGGED TABLE pgq.new_children (
    submitted_by text   NOT NULL,
    n            bigint GENERATED ALWAYS AS IDENTITY,
    child_ids    uuid[] NOT NULL,
    PRIMARY KEY (submitted_by, n)
);
