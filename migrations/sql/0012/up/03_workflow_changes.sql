-- What has happened to workflows since it was last added up: a row for each task that came (with its queue) or ended, written by
-- whoever did that, in the same transaction. Nothing but inserts, so that two tasks of a workflow may end at the same moment.
CREATE TABLE pgq.workflow_changes (
    workflow_id uuid        NOT NULL,
    n           bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    queue       text,
    total       integer     NOT NULL DEFAULT 0,
    succeeded   integer     NOT NULL DEFAULT 0,
    cancelled   integer     NOT NULL DEFAULT 0,
    expired     integer     NOT NULL DEFAULT 0,
    dead        integer     NOT NULL DEFAULT 0,
    PRIMARY KEY (workflow_id, n)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
