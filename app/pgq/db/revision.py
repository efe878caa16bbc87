"""Which revision a database has; without Alembic, so that workers and clients can ask too."""

from typing import Any

import psycopg

from pgq.db.sql import sql
from pgq.values.errors import SchemaError


def refuse_foreign_schema(connection: psycopg.Connection[Any]) -> None:
    """Raise SchemaError when a schema `pgq` exists that pgq's migrations did not make (the PgQ extension owns one)."""
    row = connection.execute(sql("schema_owner")).fetchone()
    if row is not None and not row[0]:
        raise SchemaError(
            "the database has a schema 'pgq' that pgq did not create (the PgQ extension uses that name); "
            "use another database"
        )


def current_revision(connection: psycopg.Connection[Any]) -> str | None:
    """The database's revision, or None before the first migration."""
    found = connection.execute(sql("has_revision")).fetchone()
    if not found or not found[0]:
        return None
    row = connection.execute(sql("current_revision")).fetchone()
    return row[0] if row else None
