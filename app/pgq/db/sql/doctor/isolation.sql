-- The isolation that a new session of this user gets, whatever this session has set since, and how to change it for good.
SELECT s.reset_val, format('ALTER ROLE %I IN DATABASE %I SET default_transaction_isolation = ''read committed'';',
                           session_user, current_database())
FROM   pg_settings AS s WHERE s.name = 'default_transaction_isolation'
