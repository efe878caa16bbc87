-- Token buckets: what is left in each, and what the last taker was given. Unlogged: after a crash all are full again.
CREATE UNLOGGED TABLE pgq.rate_limits (
    bucket     text             PRIMARY KEY,
    tokens     double precision NOT NULL,
    granted    double precision NOT NULL,
    updated_at timestamptz      NOT NULL,
    CONSTRAINT bucket_length CHECK (char_length(bucket) BETWEEN 1 AND 200)
) WITH (fillfactor = 50);
