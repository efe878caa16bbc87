-- Which request a key stands for: the one authority, for every way to submit.
-- hits is written on every repetition, so that its answer waits for replication like the first one did.
CREATE TABLE pgq.idempotency_keys (
    queue       text        NOT NULL,
    key         text        NOT NULL CONSTRAINT key_length CHECK (char_length(key) BETWEEN 1 AND 255),
    task_id     uuid        NOT NULL,
    fingerprint bytea       NOT NULL,
    expires_at  timestamptz NOT NULL,
    hits        bigint      NOT NULL DEFAULT 0,
    PRIMARY KEY (queue, key)
) WITH (fillfactor = 80);

CREATE INDEX idempotency_keys_expiry ON pgq.idempotency_keys (expires_at);
