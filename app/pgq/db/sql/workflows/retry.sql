-- Run again what has not succeeded of a workflow; how many tasks came back.
SELECT pgq.retry_workflow(%(id)s)
