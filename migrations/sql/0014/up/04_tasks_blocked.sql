-- The few tasks that wait for their parents.
CREATE INDEX CONCURRENTLY tasks_blocked ON pgq.tasks (id) WHERE state = 'blocked';
