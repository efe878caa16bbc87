-- Which ticks were fired: one task for each, written in the task's own transaction. NULL: the last task was not over yet.
-- The name alone, no foreign key: a schedule that is made again fires no tick a second time.
CREATE TABLE pgq.schedule_ticks (
    schedule text        NOT NULL,
    tick_at  timestamptz NOT NULL,
    task_id  uuid,
    PRIMARY KEY (schedule, tick_at)
);

CREATE INDEX schedule_ticks_oldest ON pgq.schedule_ticks (tick_at);
