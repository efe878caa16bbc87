SELECT true FROM pgq.schedules AS s WHERE s.name = %(name)s
