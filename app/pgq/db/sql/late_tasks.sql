-- The tasks that the expirer's batch would take: to expire them one by one when the batch as a whole fails.
SELECT t.id FROM pgq.tasks AS t
WHERE  t.expires_at <= statement_timestamp() AND t.expires_at IS NOT NULL AND t.state <> 'running'
ORDER  BY t.id LIMIT 1000
