-- A cheap look before a tick: which duties are due? Also those that were done in what is the future now: a clock was put back.
SELECT m.duty FROM pgq.maintenance AS m
WHERE  (m.next_due_at <= clock_timestamp() OR m.last_started_at > clock_timestamp()) AND m.duty = ANY (%(duties)s)
