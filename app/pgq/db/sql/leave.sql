DELETE FROM pgq.workers WHERE id = %(id)s
