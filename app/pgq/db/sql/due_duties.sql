-- A cheap look before a tick: which duties are due?
SELECT m.duty FROM pgq.maintenance AS m WHERE m.next_due_at <= clock_timestamp() AND m.duty = ANY (%(duties)s)
