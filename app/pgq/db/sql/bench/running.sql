-- How many tasks run now.
SELECT count(*) FROM pgq.tasks AS t WHERE t.state = 'running'
