-- Cancel all tasks of a workflow that have not ended; how many that were.
SELECT pgq.cancel_workflow(%(id)s)
