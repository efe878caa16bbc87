-- Whether what other users' sessions do is shown to this one.
SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
