-- How many workers are alive, and how many tasks could be started now.
SELECT (SELECT count(*) FROM pgq.workers AS w WHERE w.beat_at >= clock_timestamp() - interval '15 s'),
       (SELECT count(*) FROM pgq.tasks AS t WHERE t.state = 'pending' AND t.run_at <= statement_timestamp())
