-- What the door and refuse_change judge is judged once. The lease's rule stays a CHECK, the state's joins it.
ALTER TABLE pgq.tasks
    DROP CONSTRAINT task_priority, DROP CONSTRAINT task_attempts, DROP CONSTRAINT task_names, DROP CONSTRAINT task_times,
    DROP CONSTRAINT task_timeout, DROP CONSTRAINT task_payload, DROP CONSTRAINT task_state, DROP CONSTRAINT task_lease,
    ADD CONSTRAINT task_state CHECK (
        CASE WHEN state = 'running'
        THEN leased_by IS NOT NULL AND lease_expires_at IS NOT NULL AND deadline_at IS NOT NULL AND started_at IS NOT NULL
        ELSE leased_by IS NULL AND lease_expires_at IS NULL AND (state = 'pending' OR state = 'blocked') END) NOT VALID;
