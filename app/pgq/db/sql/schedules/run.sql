-- Beside its ticks: none is recorded, and the next overlap does not count it.
INSERT INTO pgq.tasks (kind, payload, queue, priority, headers)
SELECT s.kind, s.payload, s.queue, s.priority,
       jsonb_build_object('schedule', s.name, 'scheduled_for', pgq.rfc3339(clock_timestamp()))
FROM   pgq.schedules AS s WHERE s.name = %(name)s
RETURNING id
