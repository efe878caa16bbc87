-- What each duty is late by, what failed last, and whether it is held back. A duty that never ran is late for ever.
SELECT m.duty, extract(epoch FROM clock_timestamp() - m.next_due_at)::float8 AS late, m.runs, m.failed_at, m.failure, m.held_until
FROM   pgq.maintenance_status AS m ORDER BY m.duty
