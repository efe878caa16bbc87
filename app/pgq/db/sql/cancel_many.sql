-- Cancel tasks in the order given (of their ids, as completions lock them). One refusal undoes them all: bisect then.
SELECT pgq.cancel(a.id) FROM unnest(%(ids)s::uuid[]) AS a (id)
