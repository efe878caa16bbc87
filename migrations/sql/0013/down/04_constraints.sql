DROP TRIGGER refuse_change ON pgq.tasks;
DROP FUNCTION pgq.refuse_change();
ALTER TABLE pgq.tasks
    DROP CONSTRAINT task_state,
    ADD CONSTRAINT task_state CHECK (state IN ('blocked', 'pending', 'running')),
    ADD CONSTRAINT task_priority CHECK (priority BETWEEN 0 AND 9),
    ADD CONSTRAINT task_attempts CHECK (attempt >= 0 AND max_attempts BETWEEN 1 AND 1000),
    ADD CONSTRAINT task_names CHECK (char_length(kind) BETWEEN 1 AND 128 AND char_length(queue) BETWEEN 1 AND 128),
    ADD CONSTRAINT task_times CHECK (run_at >= '2000-01-01Z' AND run_at < '3000-01-01Z'
                                     AND expires_at >= '2000-01-01Z' AND expires_at < '3000-01-01Z'),
    ADD CONSTRAINT task_timeout CHECK (timeout_seconds > 0 AND timeout_seconds <= 315360000),
    ADD CONSTRAINT task_payload CHECK (jsonb_typeof(payload) = 'object'),
    ADD CONSTRAINT task_lease CHECK (
        CASE state WHEN 'running'
        THEN leased_by IS NOT NULL AND lease_expires_at IS NOT NULL AND deadline_at IS NOT NULL AND started_at IS NOT NULL
        ELSE leased_by IS NULL AND lease_expires_at IS NULL END);
