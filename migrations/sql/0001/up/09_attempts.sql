-- The attempts that failed, with their errors; a partition a day, like the history.
CREATE TABLE pgq.attempts (
    task_id     uuid        NOT NULL,
    lease_epoch bigint      NOT NULL,
    failed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at  timestamptz,
    worker_id   uuid,
    attempt     integer     NOT NULL,
    error       jsonb       NOT NULL,
    PRIMARY KEY (task_id, lease_epoch, failed_at)
) PARTITION BY RANGE (failed_at);
