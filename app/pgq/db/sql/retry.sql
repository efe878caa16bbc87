-- Run a task again; answers the id of the task that runs: the same one, or a new one when this one had ended well.
SELECT pgq.retry(%(id)s)
