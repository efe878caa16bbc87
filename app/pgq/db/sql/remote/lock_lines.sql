-- One heartbeat of a worker writes lines at a time. A statement of its own: what add_lines.sql then looks at holds what the
-- one before has committed.
SELECT pg_advisory_xact_lock(hashtext('pgq.lines'), hashtext(%(worker)s::uuid::text))
