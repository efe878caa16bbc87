-- Every object that 0001 made, in reverse. The roles stay: other databases of the server may use them.
DROP VIEW pgq.maintenance_status, pgq.unknown_kinds, pgq.worker_utilization, pgq.dead_letters, pgq.queue_depth, pgq.task_status;
DROP TABLE pgq.tasks, pgq.task_history, pgq.attempts, pgq.dead_tasks, pgq.waiting_workers, pgq.workers, pgq.idempotency_keys,
           pgq.kinds, pgq.queues, pgq.maintenance;
DROP FUNCTION pgq.end_turn, pgq.take_turn, pgq.make_partitions, pgq.retry, pgq.redrive, pgq.cancel, pgq.refuse_ended, pgq.submit,
              pgq.submit_many, pgq.notify_ready, pgq.accept_task, pgq.claim_keys, pgq.is_live,
              pgq.fingerprint, pgq.has_huge_numbers, pgq.check_payload, pgq.refuse, pgq.rfc3339, pgq.uuid7;
