-- Tasks that belong together. The counts are what has been moved here from pgq.workflow_changes; the two together are exact at
-- any moment (pgq.workflow_status), and nobody who ends a task waits for somebody else who does.
-- stopped_at: since when all its tasks are to end (cancelled, or one has failed); stopping: some are not told yet.
-- reopened_at: when an operator last let failed tasks run again: what failed before does not stop it any more.
-- idempotency_key: who submits with it again gets this workflow, as long as it is kept; fingerprint: of what was submitted then.
CREATE TABLE pgq.workflows (
    id                  uuid        PRIMARY KEY,
    name                text        NOT NULL CONSTRAINT workflow_name CHECK (char_length(name) BETWEEN 1 AND 128),
    on_failure          text        NOT NULL CONSTRAINT workflow_on_failure CHECK (on_failure IN ('cancel', 'continue')),
    created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at            timestamptz,
    cancel_requested_at timestamptz,
    stopped_at          timestamptz,
    reopened_at         timestamptz,
    stopping            boolean     NOT NULL DEFAULT false,
    total               integer     NOT NULL DEFAULT 0,
    succeeded           integer     NOT NULL DEFAULT 0,
    cancelled           integer     NOT NULL DEFAULT 0,
    expired             integer     NOT NULL DEFAULT 0,
    dead                integer     NOT NULL DEFAULT 0,
    queues              text[]      NOT NULL DEFAULT '{}',
    idempotency_key     text        CONSTRAINT workflow_key CHECK (char_length(idempotency_key) BETWEEN 1 AND 255),
    fingerprint         bytea
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

-- The few whose tasks a duty is ending.
CREATE INDEX workflows_stopping ON pgq.workflows (id) WHERE stopping;

CREATE UNIQUE INDEX workflows_key ON pgq.workflows (idempotency_key) WHERE idempotency_key IS NOT NULL;
