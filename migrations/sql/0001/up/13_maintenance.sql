-- When each duty is due, who did it last, and what came of it.
CREATE TABLE pgq.maintenance (
    duty            text        PRIMARY KEY,
    next_due_at     timestamptz NOT NULL DEFAULT '-infinity',
    held_until      timestamptz,
    last_started_at timestamptz,
    last_run_by     uuid,
    last_seconds    double precision,
    last_changed    bigint,
    runs            bigint      NOT NULL DEFAULT 0,
    failed_at       timestamptz,
    failure         text
) WITH (fillfactor = 50);
