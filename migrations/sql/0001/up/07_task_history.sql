-- Tasks that ended well, were cancelled or expired; a partition a day, dropped whole when its retention ends.
-- Without a DEFAULT partition: one would turn every ATTACH into a scan under a lock.
CREATE TABLE pgq.task_history (
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
    state               text             NOT NULL CONSTRAINT history_state CHECK (state IN ('succeeded', 'cancelled', 'expired')),
    queue               text             NOT NULL,
    kind                text             NOT NULL,
    idempotency_key     text,
    tags                text[]           NOT NULL,
    headers             jsonb            NOT NULL,
    payload             jsonb            NOT NULL,
    result              jsonb,
    error               jsonb,
    PRIMARY KEY (id, finished_at)
) PARTITION BY RANGE (finished_at);
