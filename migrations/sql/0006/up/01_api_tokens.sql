-- Who may use the HTTP service. Of a token only its hash is kept: the secret is 256 random bits, so one fast hash is enough.
-- After a rotation the previous secret stays valid until previous_until.
CREATE TABLE pgq.api_tokens (
    id             text        PRIMARY KEY,
    name           text        NOT NULL,
    scopes         text[]      NOT NULL,
    queues         text[]      NOT NULL DEFAULT '{}',
    secret_hash    bytea       NOT NULL,
    previous_hash  bytea,
    previous_until timestamptz,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by     text        NOT NULL,
    rotated_at     timestamptz,
    expires_at     timestamptz,
    revoked_at     timestamptz,
    CONSTRAINT token_id CHECK (id ~ '^[0-9a-f]{16}$'),
    CONSTRAINT token_name CHECK (char_length(name) BETWEEN 1 AND 128),
    CONSTRAINT token_scopes CHECK (
        cardinality(scopes) > 0 AND scopes <@ ARRAY['submit', 'read', 'operate', 'work', 'exec', 'admin']),
    CONSTRAINT token_queues CHECK (cardinality(queues) <= 100),
    CONSTRAINT token_hash CHECK (octet_length(secret_hash) = 32 AND octet_length(previous_hash) = 32)
);
