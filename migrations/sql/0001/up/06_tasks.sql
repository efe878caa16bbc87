-- The live tasks: small and hot, never partitioned (claims use ctid). Ended tasks leave this table.
-- No index holds lease_expires_at, so that extending a lease stays a heap-only update.
CREATE TABLE pgq.tasks (
    id                  uuid             PRIMARY KEY DEFAULT pgq.uuid7(),
    lease_epoch         bigint           NOT NULL DEFAULT 0,
    created_at          timestamptz      NOT NULL DEFAULT clock_timestamp(),
    run_at              timestamptz      NOT NULL,
    expires_at          timestamptz,
    started_at          timestamptz,
    deadline_at         timestamptz,
    lease_expires_at    timestamptz,
    cancel_requested_at timestamptz,
    timeout_seconds     double precision NOT NULL,
    leased_by           uuid,
    priority            integer          NOT NULL,
    attempt             integer          NOT NULL DEFAULT 0,
    max_attempts        integer          NOT NULL,
    state               text             NOT NULL DEFAULT 'pending',
    queue               text             NOT NULL,
    kind                text             NOT NULL,
    idempotency_key     text,
    tags                text[]           NOT NULL DEFAULT '{}',
    headers             jsonb            NOT NULL DEFAULT '{}',
    payload             jsonb            NOT NULL DEFAULT '{}',
    error               jsonb,
    CONSTRAINT task_state CHECK (state IN ('blocked', 'pending', 'running')),
    CONSTRAINT task_priority CHECK (priority BETWEEN 0 AND 9),
    CONSTRAINT task_attempts CHECK (attempt >= 0 AND max_attempts BETWEEN 1 AND 1000),
    CONSTRAINT task_names CHECK (char_length(kind) BETWEEN 1 AND 128 AND char_length(queue) BETWEEN 1 AND 128),
    CONSTRAINT task_times CHECK (run_at >= '2000-01-01Z' AND run_at < '3000-01-01Z'
                                 AND expires_at >= '2000-01-01Z' AND expires_at < '3000-01-01Z'),
    CONSTRAINT task_timeout CHECK (timeout_seconds > 0 AND timeout_seconds <= 315360000),
    CONSTRAINT task_payload CHECK (jsonb_typeof(payload) = 'object'),
    CONSTRAINT task_lease CHECK (
        CASE state WHEN 'running'
        THEN leased_by IS NOT NULL AND lease_expires_at IS NOT NULL AND deadline_at IS NOT NULL AND started_at IS NOT NULL
        ELSE leased_by IS NULL AND lease_expires_at IS NULL END)
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_insert_scale_factor = 0.1,
    autovacuum_analyze_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0
);

-- One lane per queue and priority, first due first: what a claim reads.
CREATE INDEX tasks_lanes ON pgq.tasks (queue, priority, run_at, id) WHERE state = 'pending';

-- The few rows that run: for the reaper, and for counts per queue.
CREATE INDEX tasks_running ON pgq.tasks (queue, id) WHERE state = 'running';

-- The few rows that may expire.
CREATE INDEX tasks_expiring ON pgq.tasks (expires_at) WHERE expires_at IS NOT NULL AND state <> 'running';
