-- Fill the queue fast.
COPY pgq.tasks (kind, payload) FROM STDIN
