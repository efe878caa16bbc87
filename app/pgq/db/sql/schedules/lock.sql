-- Holds the schedule until the transaction ends, so that what was checked of it is what is changed.
SELECT coalesce(s.queue, (SELECT k.queue FROM pgq.kinds AS k WHERE k.kind = s.kind), 'default')
FROM   pgq.schedules AS s
WHERE  s.name = %(name)s
FOR    UPDATE
