-- What workers publish of their handlers: defaults for tasks that leave a field out, and the payload's JSON Schema.
-- seen_at: when a live worker last had the kind; a task of a kind that nobody has had for long is buried.
CREATE TABLE pgq.kinds (
    kind            text PRIMARY KEY CONSTRAINT kind_length CHECK (char_length(kind) BETWEEN 1 AND 128),
    queue           text CONSTRAINT kind_queue_length CHECK (char_length(queue) BETWEEN 1 AND 128),
    priority        integer CONSTRAINT kind_priority CHECK (priority BETWEEN 0 AND 9),
    max_attempts    integer CONSTRAINT kind_attempts CHECK (max_attempts BETWEEN 1 AND 1000),
    timeout_seconds double precision CONSTRAINT kind_timeout_range CHECK (timeout_seconds > 0 AND timeout_seconds <= 315360000),
    payload_schema  jsonb,
    seen_at         timestamptz NOT NULL DEFAULT clock_timestamp()
);
