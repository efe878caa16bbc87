-- A remote worker works over HTTP: only the token that registered it may speak for it, and nobody knows its process.
-- One whose kinds are empty runs every kind of its queues.
ALTER TABLE pgq.workers
    ADD COLUMN remote   boolean NOT NULL DEFAULT false,
    ADD COLUMN token_id text,
    ALTER COLUMN pid DROP NOT NULL;
