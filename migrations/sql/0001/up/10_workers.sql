-- The workers that are alive or were lately; beat_at is all that changes while one runs.
CREATE TABLE pgq.workers (
    id         uuid        PRIMARY KEY,
    name       text        NOT NULL,
    hostname   text        NOT NULL,
    pid        integer     NOT NULL,
    version    text        NOT NULL,
    queues     text[]      NOT NULL,
    kinds      text[]      NOT NULL,
    capacity   integer     NOT NULL CONSTRAINT worker_capacity CHECK (capacity > 0),
    state      text        NOT NULL DEFAULT 'running' CONSTRAINT worker_state CHECK (state IN ('running', 'draining')),
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    beat_at    timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
