-- Bring dead letters back, in the order given. One refusal undoes them all: bisect then.
SELECT pgq.redrive(a.id) FROM unnest(%(ids)s::uuid[]) AS a (id)
