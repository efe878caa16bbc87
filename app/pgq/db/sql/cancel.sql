-- Cancel a task: 'cancelled', or 'requested' when it runs and its handler is told.
SELECT pgq.cancel(%(id)s)
