-- How many tasks of the queue have not ended. Each count reads a partial index.
SELECT (SELECT count(*) FROM pgq.tasks AS t WHERE t.state = 'pending' AND t.queue = %(queue)s)
     + (SELECT count(*) FROM pgq.tasks AS t WHERE t.state = 'running' AND t.queue = %(queue)s)
