UPDATE pgq.maintenance SET next_due_at = '-infinity' WHERE duty = %(duty)s
