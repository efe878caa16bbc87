-- Run tasks again, in the order given. One refusal undoes them all: bisect then.
SELECT pgq.retry(a.id) FROM unnest(%(ids)s::uuid[]) AS a (id)
