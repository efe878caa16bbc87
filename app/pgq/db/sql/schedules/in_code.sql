SELECT true FROM pgq.schedules AS s
WHERE  s.name = %(name)s AND s.source = 'code' AND s.seen_at >= clock_timestamp() - make_interval(secs => %(alive)s)
