UPDATE pgq.schedules AS s SET paused_at = clock_timestamp() WHERE s.name = %(name)s AND s.paused_at IS NULL
