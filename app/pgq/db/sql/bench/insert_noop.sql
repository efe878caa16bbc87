-- The plainest submit.
INSERT INTO pgq.tasks (kind) VALUES ('noop')
