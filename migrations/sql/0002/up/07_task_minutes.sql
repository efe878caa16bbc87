-- What happened in every closed minute, all workers together: what the accountant moves here from task_stats.
-- Kept as long as the history.
CREATE TABLE pgq.task_minutes (
    minute        timestamptz      NOT NULL,
    succeeded     bigint           NOT NULL,
    failed        bigint           NOT NULL,
    dead          bigint           NOT NULL,
    cancelled     bigint           NOT NULL,
    expired       bigint           NOT NULL,
    wait_seconds  double precision NOT NULL,
    run_seconds   double precision NOT NULL,
    total_seconds double precision NOT NULL,
    queue         text             NOT NULL,
    kind          text             NOT NULL,
    wait          bigint[]         NOT NULL,
    run           bigint[]         NOT NULL,
    total         bigint[]         NOT NULL,
    PRIMARY KEY (minute, queue, kind)
);
