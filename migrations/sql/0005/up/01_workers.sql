-- Whether a worker hears notifications, and since when. NULL: a worker that began a moment ago, or an older version's.
ALTER TABLE pgq.workers
    ADD COLUMN listener text CONSTRAINT worker_listener CHECK (listener IN ('listening', 'polling', 'reconnecting')),
    ADD COLUMN listener_since timestamptz;
