-- A durable INSERT that notifies: nothing can be heard of a task sooner.
WITH new AS (INSERT INTO bare_rows (kind) VALUES ('noop') RETURNING 1) SELECT pg_notify('bench', '') FROM new
