DELETE FROM pgq.waiting_workers WHERE worker_id = %(id)s
