-- What happened in the last minutes, written by every statement that ends attempts, in its own transaction. Each worker has
-- rows of its own, so that none waits for another; the reaper and its like write under the nil UUID.
-- An attempt counts once: succeeded, failed (another one follows), dead or cancelled. wait (due to start) and run (start to
-- end) are of these attempts; total (submit to end) is of the tasks that ended, also without an attempt: expired, or dead for
-- want of a worker that knows the kind. A task cancelled while it waits, a snooze and a hand-back are not counted.
CREATE TABLE pgq.task_stats (
    minute        timestamptz      NOT NULL,
    worker_id     uuid             NOT NULL,
    succeeded     bigint           NOT NULL DEFAULT 0,
    failed        bigint           NOT NULL DEFAULT 0,
    dead          bigint           NOT NULL DEFAULT 0,
    cancelled     bigint           NOT NULL DEFAULT 0,
    expired       bigint           NOT NULL DEFAULT 0,
    wait_seconds  double precision NOT NULL DEFAULT 0,
    run_seconds   double precision NOT NULL DEFAULT 0,
    total_seconds double precision NOT NULL DEFAULT 0,
    queue         text             NOT NULL,
    kind          text             NOT NULL,
    wait          bigint[]         NOT NULL,
    run           bigint[]         NOT NULL,
    total         bigint[]         NOT NULL,
    PRIMARY KEY (minute, queue, kind, worker_id)
) WITH (fillfactor = 50);
