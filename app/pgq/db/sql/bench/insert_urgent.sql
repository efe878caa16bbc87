-- A task more urgent than all that wait.
INSERT INTO pgq.tasks (kind, payload, priority) VALUES ('sleep', '{"seconds": 0}', 9) RETURNING id
