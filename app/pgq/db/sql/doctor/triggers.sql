-- Which triggers the live tasks have, and whether they fire for ordinary sessions.
SELECT t.tgname, t.tgenabled IN ('O', 'A') FROM pg_trigger AS t
WHERE  t.tgrelid = 'pgq.tasks'::regclass AND NOT t.tgisinternal
