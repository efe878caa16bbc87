-- Raises the error that says why there is no such live task.
SELECT pgq.refuse_ended(%(id)s, %(why)s)
