-- The workers that have a free slot and sleep: a submit notifies only when one of them serves its queue,
-- because a NOTIFY serialises commits.
CREATE TABLE pgq.waiting_workers (
    worker_id uuid   PRIMARY KEY REFERENCES pgq.workers (id) ON DELETE CASCADE,
    queues    text[] NOT NULL
);
