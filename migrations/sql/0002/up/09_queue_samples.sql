-- How full each queue was, every ten seconds: what the sampler saw in pgq.queue_counts. Kept as long as the history.
CREATE TABLE pgq.queue_samples (
    sampled_at           timestamptz      NOT NULL,
    pending              bigint           NOT NULL,
    ready                bigint           NOT NULL,
    scheduled            bigint           NOT NULL,
    retrying             bigint           NOT NULL,
    blocked              bigint           NOT NULL,
    waiting              bigint           NOT NULL,
    running              bigint           NOT NULL,
    dead                 bigint           NOT NULL,
    oldest_ready_seconds double precision NOT NULL,
    paused               boolean          NOT NULL,
    queue                text             NOT NULL,
    PRIMARY KEY (sampled_at, queue)
);
