-- What a new connection has got: its process, and the isolation that its transactions would have. What a role's own setting
-- says goes over what its database's or the server's does.
SELECT pg_backend_pid() AS pid, current_setting('default_transaction_isolation') AS isolation,
       format('ALTER ROLE %I IN DATABASE %I SET default_transaction_isolation = ''read committed''', session_user, current_database()) AS fix
