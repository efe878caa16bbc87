-- What else an operator may set of a queue. NULL: no limit, and the history's usual retention.
-- history_pruned_before is no setting: what ended earlier is gone already, by a retention of the queue's own.
ALTER TABLE pgq.queues
    ADD COLUMN max_depth             integer          CONSTRAINT queue_depth_range CHECK (max_depth BETWEEN 1 AND 1000000000),
    ADD COLUMN retention_seconds     double precision CONSTRAINT queue_retention_range CHECK (retention_seconds BETWEEN 3600 AND 315360000),
    ADD COLUMN history_pruned_before timestamptz;
