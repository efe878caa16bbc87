-- What ever happened, up to the minutes that are still in task_stats: the accountant adds each minute when it moves it, in
-- one transaction, so that pgq.task_counts is exact at any moment. Only ever grows.
CREATE TABLE pgq.task_totals (
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
    PRIMARY KEY (queue, kind)
) WITH (fillfactor = 50);
