-- Whether a live task is left.
SELECT EXISTS (SELECT FROM pgq.tasks)
