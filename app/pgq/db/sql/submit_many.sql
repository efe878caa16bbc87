-- Submit tasks, all or none. One parameter, so that any driver can send it: a JSON array as text, cast twice because
-- a driver with a JSON codec of its own would encode the text once more.
SELECT position, id, created FROM pgq.submit_many(CAST(CAST(%(tasks)s AS text) AS jsonb)) ORDER BY position
