-- The tasks that a reaper's batch would take: to reap them one by one when the batch as a whole fails.
SELECT t.id FROM pgq.tasks AS t WHERE t.state = 'running' AND t.lease_expires_at < clock_timestamp() ORDER BY t.id LIMIT 1000
