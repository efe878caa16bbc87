UPDATE pgq.schedules AS s SET paused_at = NULL WHERE s.name = %(name)s AND s.paused_at IS NOT NULL
