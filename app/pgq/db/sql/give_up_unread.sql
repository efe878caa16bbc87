-- A server that cannot get rid of its answer ends this session after so long, not after a quarter of an hour: the rows of a
-- claim whose worker was frozen or cut off are free again. Means nothing over a Unix socket.
SELECT set_config('tcp_user_timeout', CAST(%(milliseconds)s AS text), false)
