-- The worker lives. No row: it was silent for so long that it was pruned, and must register again.
UPDATE pgq.workers SET beat_at = clock_timestamp(), state = %(state)s WHERE id = %(id)s RETURNING id
