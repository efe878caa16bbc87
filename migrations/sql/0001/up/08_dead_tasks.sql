-- The dead letters: kept until redriven or purged.
CREATE TABLE pgq.dead_tasks (
    id                  uuid             NOT NULL,
    lease_epoch         bigint           NOT NULL,
    created_at          timestamptz      NOT NULL,
    run_at              timestamptz      NOT NULL,
    expires_at          timestamptz,
    started_at          timestamptz,
    finished_at         timestamptz      NOT NULL DEFAULT clock_timestamp(),
    cancel_requested_at timestamptz,
    timeout_seconds     double precision NOT NULL,
    leased_by           uuid,
    priority            integer          NOT NULL,
    attempt             integer          NOT NULL,
    max_attempts        integer          NOT NULL,
    queue               text             NOT NULL,
    kind                text             NOT NULL,
    idempotency_key     text,
    tags                text[]           NOT NULL,
    headers             jsonb            NOT NULL,
    payload             jsonb            NOT NULL,
    error               jsonb            NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX dead_tasks_newest ON pgq.dead_tasks (finished_at, id);
