-- Dead rows among the live tasks, and when they were last cleaned away.
SELECT s.n_dead_tup, s.n_live_tup, greatest(s.last_vacuum, s.last_autovacuum) FROM pg_stat_all_tables AS s
WHERE  s.relid = 'pgq.tasks'::regclass
