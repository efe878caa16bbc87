SELECT pgq.take_turn(%(duty)s, %(worker)s, make_interval(secs => %(period)s), make_interval(secs => %(hold)s))
