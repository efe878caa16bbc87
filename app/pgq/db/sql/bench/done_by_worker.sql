-- How many tasks each worker has done.
SELECT count(*) FROM pgq.task_history AS h GROUP BY h.leased_by
