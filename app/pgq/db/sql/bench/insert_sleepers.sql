-- A backlog of tasks that sleep for %(least)s to %(most)s seconds.
INSERT INTO pgq.tasks (kind, payload)
SELECT 'sleep', jsonb_build_object('seconds', round((%(least)s::float8 + random() * (%(most)s::float8 - %(least)s::float8))::numeric, 3))
FROM   generate_series(1, %(tasks)s)
