"""Runs the migrations: for `pgq migrate` on the connection that it hands over, for `alembic` on PGQ_DATABASE_URL."""

from alembic import context
from sqlalchemy import text

from pgq.db import migrate
from pgq.db.tables import metadata

OPTIONS = {
    "target_metadata": metadata,
    "version_table_schema": "pgq",
    "include_schemas": True,
    "include_name": migrate.is_ours,
    "include_object": migrate.is_compared,
    "transaction_per_migration": True,
}

if context.is_offline_mode():
    # Another paramstyle than psycopg's, for which % would be printed as %%.
    context.configure(dialect_name="postgresql", dialect_opts={"paramstyle": "named"}, literal_binds=True, **OPTIONS)
    with context.begin_transaction():
        context.execute(text("CREATE SCHEMA IF NOT EXISTS pgq"))
        context.run_migrations()
elif (connection := context.config.attributes.get("connection")) is not None:
    context.configure(connection=connection, **OPTIONS)
    context.run_migrations()
else:
    with migrate.migrating(migrate.configured_conninfo()) as connection:
        context.configure(connection=connection, **OPTIONS)
        context.run_migrations()
