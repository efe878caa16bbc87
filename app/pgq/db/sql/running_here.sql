-- What the table says that a worker runs.
SELECT t.id, t.lease_epoch FROM pgq.tasks AS t WHERE t.state = 'running' AND t.leased_by = %(worker)s
