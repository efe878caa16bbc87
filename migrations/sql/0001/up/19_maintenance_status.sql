-- Who did each duty last, when, for how long, what it changed, and what failed.
CREATE VIEW pgq.maintenance_status AS
SELECT m.duty, m.last_started_at, m.last_seconds, m.last_changed, m.last_run_by AS worker_id, m.runs,
       CASE WHEN m.next_due_at > '-infinity' THEN m.next_due_at END AS next_due_at,
       CASE WHEN m.held_until > clock_timestamp() THEN m.held_until END AS held_until, m.failed_at, m.failure
FROM   pgq.maintenance AS m;
