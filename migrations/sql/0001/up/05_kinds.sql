-- What workers publish of their handlers: defaults for tasks that leave a field out, and the payload's JSON Schema.
-- seen_at: when a live worker last had the kind; a task of a kind that nobody has had for long is buried.
CREATE TABLE pgq.kinds (
    kind            text PRIMARY KEY CONSTRAINT kind_length CHECK (char_length(kind) BETWEEN 1 AND 128),
    queue           text,
    priority        integer,
    max_attempts    integer,
    timeout_seconds double precision,
    payload_schema  jsonb,
    seen_at         timestamptz NOT NULL DEFAULT clock_timestamp()
);
