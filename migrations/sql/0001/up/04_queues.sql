-- What an operator says of a queue. A queue needs no row: without one it is not paused and has no defaults.
CREATE TABLE pgq.queues (
    name            text PRIMARY KEY CONSTRAINT queue_name_length CHECK (char_length(name) BETWEEN 1 AND 128),
    paused_at       timestamptz,
    paused_until    timestamptz,
    timeout_seconds double precision CONSTRAINT queue_timeout_range CHECK (timeout_seconds > 0 AND timeout_seconds <= 315360000)
);
