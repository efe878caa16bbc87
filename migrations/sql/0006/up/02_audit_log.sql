-- Who changed what through the HTTP service or the command line. Written in the change's own transaction.
CREATE TABLE pgq.audit_log (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor      text        NOT NULL,
    token_id   text,
    action     text        NOT NULL,
    target     text        NOT NULL,
    details    jsonb       NOT NULL DEFAULT '{}',
    request_id text        NOT NULL DEFAULT '',
    address    text        NOT NULL DEFAULT ''
);
