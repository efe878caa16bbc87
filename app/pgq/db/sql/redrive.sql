-- Bring a dead letter back: due now, with all its attempts again.
SELECT pgq.redrive(%(id)s)
