-- What handlers log and print while they run, by attempt (lease_epoch) and line; a partition a day, like the history.
CREATE TABLE pgq.task_logs (
    task_id     uuid        NOT NULL,
    lease_epoch bigint      NOT NULL,
    attempt     integer     NOT NULL,
    n           integer     NOT NULL,
    logged_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    level       text        NOT NULL CONSTRAINT log_level_length CHECK (char_length(level) BETWEEN 1 AND 100),
    logger      text        NOT NULL CONSTRAINT log_logger_length CHECK (char_length(logger) <= 300),
    message     text        NOT NULL CONSTRAINT log_message_length CHECK (char_length(message) <= 11000),
    PRIMARY KEY (task_id, lease_epoch, n, logged_at)
) PARTITION BY RANGE (logged_at);
