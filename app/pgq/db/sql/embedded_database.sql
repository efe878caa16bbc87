-- Whether the embedded server has its database yet.
SELECT FROM pg_database WHERE datname = %(name)s
