-- What is submitted when. next_tick_at is the first tick that nobody has dealt with yet, NULL for "the first one from now
-- on": the scheduler fills it in. It fires at due_at, which is the tick and its share of the jitter.
CREATE TABLE pgq.schedules (
    name           text PRIMARY KEY
                   CONSTRAINT schedule_name CHECK (char_length(name) BETWEEN 1 AND 128 AND name !~ '[\x01-\x1f\x7f]'),
    cron           text NOT NULL CONSTRAINT schedule_cron_length CHECK (char_length(cron) BETWEEN 1 AND 200),
    timezone       text NOT NULL DEFAULT 'UTC' CONSTRAINT schedule_timezone_length CHECK (char_length(timezone) BETWEEN 1 AND 64),
    kind           text NOT NULL CONSTRAINT schedule_kind_length CHECK (char_length(kind) BETWEEN 1 AND 128),
    payload        jsonb NOT NULL DEFAULT '{}' CONSTRAINT schedule_payload
                   CHECK (jsonb_typeof(payload) = 'object' AND octet_length(payload::text) <= 1000000),
    queue          text CONSTRAINT schedule_queue_length CHECK (char_length(queue) BETWEEN 1 AND 128),
    priority       integer CONSTRAINT schedule_priority CHECK (priority BETWEEN 0 AND 9),
    misfire        text NOT NULL DEFAULT 'once' CONSTRAINT schedule_misfire CHECK (misfire IN ('skip', 'once', 'all')),
    overlap        text NOT NULL DEFAULT 'allow' CONSTRAINT schedule_overlap CHECK (overlap IN ('allow', 'skip')),
    jitter_seconds double precision NOT NULL DEFAULT 0
                   CONSTRAINT schedule_jitter_range CHECK (jitter_seconds >= 0 AND jitter_seconds <= 86400),
    source         text NOT NULL DEFAULT 'user' CONSTRAINT schedule_source CHECK (source IN ('user', 'code')),
    paused_at      timestamptz,
    next_tick_at   timestamptz,
    due_at         timestamptz,
    last_tick_at   timestamptz,
    last_task_id   uuid,
    error          text,
    error_at       timestamptz,
    seen_at        timestamptz,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT schedule_seen CHECK (source <> 'code' OR seen_at IS NOT NULL),
    -- No client reads infinity: one such row would keep all others from the scheduler, and from lists.
    CONSTRAINT schedule_times CHECK (
        next_tick_at >= '2000-01-01Z' AND next_tick_at < '3000-01-01Z' AND due_at >= '2000-01-01Z' AND due_at < '3000-01-01Z'
        AND last_tick_at >= '2000-01-01Z' AND last_tick_at < '3000-01-01Z'
        AND paused_at >= '2000-01-01Z' AND paused_at < '3000-01-01Z' AND error_at >= '2000-01-01Z' AND error_at < '3000-01-01Z'
        AND seen_at >= '2000-01-01Z' AND seen_at < '3000-01-01Z'
        AND created_at >= '2000-01-01Z' AND created_at < '3000-01-01Z'
        AND updated_at >= '2000-01-01Z' AND updated_at < '3000-01-01Z')
);

-- What the scheduler asks once a second. Those to be computed have no due_at.
CREATE INDEX schedules_due ON pgq.schedules (due_at) WHERE paused_at IS NULL;
