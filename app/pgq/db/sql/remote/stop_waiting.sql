-- These workers need not be woken. In the order of ids, as others take several rows, too.
DELETE FROM pgq.waiting_workers WHERE worker_id = ANY (ARRAY(
    SELECT w.worker_id FROM pgq.waiting_workers AS w WHERE w.worker_id = ANY (%(ids)s::uuid[])
    ORDER BY w.worker_id FOR UPDATE SKIP LOCKED))
