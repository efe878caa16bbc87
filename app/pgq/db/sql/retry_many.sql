-- Run tasks again. Live ones are locked first, in the order of ids, as outcomes are; dead letters after them, in the order
-- given. One refusal undoes them all: bisect then.
WITH held AS MATERIALIZED (
    SELECT t.id FROM pgq.tasks AS t WHERE t.id = ANY (%(ids)s::uuid[]) ORDER BY t.id FOR UPDATE
), counted AS MATERIALIZED (
    SELECT count(*) FROM held
)
SELECT pgq.retry(a.id) FROM counted, unnest(%(ids)s::uuid[]) AS a (id)
