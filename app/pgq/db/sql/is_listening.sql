SELECT 'pgq_ready' IN (SELECT pg_listening_channels())
