"""migrations/schema.sql is what the migrations build: a reader sees the whole schema at once, a reviewer each change.

Refresh it after changing a migration: python -m tests.migrations.snapshot
"""

import pytest

from tests.migrations.conftest import Tool
from tests.migrations.snapshot import SNAPSHOT, tidy
from tests.server import DatabaseServer


def test_the_snapshot_is_what_the_migrations_build(dsn: str, database_server: DatabaseServer, tool: Tool) -> None:
    if not database_server.version.startswith("18."):
        pytest.skip("the snapshot is written by PostgreSQL 18's pg_dump")

    dumped = tidy(tool("pg_dump", dsn, "--schema-only", "--schema=pgq"))

    assert SNAPSHOT.read_text() == dumped, "refresh it: python -m tests.migrations.snapshot"
