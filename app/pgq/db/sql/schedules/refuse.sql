-- Why a schedule could not fire. One that somebody holds at the moment is being changed: it is tried again as it will be.
UPDATE pgq.schedules AS s SET error = %(why)s, error_at = clock_timestamp()
WHERE  s.name = ANY (ARRAY(SELECT h.name FROM pgq.schedules AS h WHERE h.name = %(name)s FOR NO KEY UPDATE SKIP LOCKED))
