"""Migrating: up, down and up again; by one at a time; only where pgq may; and as the metadata says."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Engine, NullPool, create_engine, text

from pgq.db import migrate
from pgq.db.tables import metadata
from pgq.values.errors import DatabaseUnavailable, SchemaError
from tests.migrations.catalog import TABLE_SHAPE, described
from tests.migrations.conftest import ROOT, Tool
from tests.server import Databases
from tests.until import PATIENCE

THEIRS = (
    "CREATE TABLE pgq.queue (id integer)",
    "CREATE FUNCTION pgq.version() RETURNS text LANGUAGE sql RETURN '3'",
)


def engine(conninfo: str) -> Engine:
    return create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo), poolclass=NullPool)


def test_down_and_up_again_gives_the_same_schema(empty: str) -> None:
    assert migrate.upgrade(empty) == migrate.head_revision()
    first = described(empty)

    migrate.downgrade(empty, "base")
    with psycopg.connect(empty) as connection:
        left = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'pgq'::regnamespace AND relkind IN ('r', 'p', 'v') "
            "UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'pgq'::regnamespace"
        ).fetchall()
    assert left == [("alembic_version",)]

    assert migrate.upgrade(empty) == migrate.head_revision()
    assert described(empty) == first


def test_each_revision_goes_down_to_what_the_one_before_it_made(empty: str) -> None:
    revisions = sorted(migrate.known_revisions())
    made = {}
    for revision in revisions:
        migrate.upgrade(empty, revision)
        made[revision] = described(empty)

    for revision in reversed(revisions[:-1]):
        migrate.downgrade(empty, revision)
        assert described(empty) == made[revision], revision


def test_migrating_twice_changes_nothing(empty: str) -> None:
    migrate.upgrade(empty)
    first = described(empty)

    assert migrate.upgrade(empty) == migrate.head_revision()
    assert described(empty) == first


def test_alembic_finds_no_difference_to_the_metadata(dsn: str) -> None:
    # Not in a session whose default schema is pgq: Alembic would call the schema None.
    with create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(dsn, options="-c search_path=public"),
        poolclass=NullPool,
    ).connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": migrate.is_ours,
                "include_object": migrate.is_compared,
                "version_table_schema": "pgq",
                "compare_type": True,
            },
        )
        assert compare_metadata(context, metadata) == []


def test_the_metadata_makes_the_tables_that_the_migrations_make(dsn: str, empty: str) -> None:
    """Columns with their defaults, CHECKs, keys and indexes, by the server's own words."""
    with psycopg.connect(dsn) as connection:
        uuid7 = connection.execute("SELECT pg_get_functiondef('pgq.uuid7'::regproc)").fetchone()
    assert uuid7 is not None
    with engine(empty).begin() as connection:
        connection.execute(text("CREATE SCHEMA pgq"))
        connection.exec_driver_sql(uuid7[0].replace("%", "%%"))
        metadata.create_all(connection)

    migrated, declared = described(dsn, *TABLE_SHAPE), described(empty, *TABLE_SHAPE)

    for aspect in TABLE_SHAPE:
        ours = {name: what for name, what in migrated[aspect].items() if not name.startswith("alembic_version")}
        assert declared[aspect] == ours, aspect


def test_the_alembic_command_migrates_from_the_checkout(empty: str) -> None:
    environment = {**os.environ, "PGQ_DATABASE_URL": empty}

    def alembic(*arguments: str) -> str:
        command = [sys.executable, "-m", "alembic", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    alembic("upgrade", "head")
    assert migrate.head_revision() in alembic("current")
    alembic("downgrade", "base")
    assert migrate.upgrade(empty) == migrate.head_revision()


def test_the_printed_statements_make_the_same_schema(dsn: str, empty: str, tool: Tool) -> None:
    tool("psql", empty, "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "--file", "-", stdin=migrate.upgrade_sql())

    assert described(empty) == described(dsn)
    assert migrate.upgrade(empty) == migrate.head_revision()


# One migrator


def test_of_several_migrators_at_once_one_migrates_and_the_others_find_it_done(empty: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(migrate.upgrade, [empty] * 4)) == {migrate.head_revision()}


def test_a_migrator_waits_for_the_one_at_work_and_holds_no_snapshot(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement that waited for the lock would hold one, and CREATE INDEX CONCURRENTLY waits for snapshots."""
    waits = threading.Event()
    monkeypatch.setattr("pgq.db.migrate.time.sleep", lambda _: waits.set())
    with psycopg.connect(empty, autocommit=True) as watch, ThreadPoolExecutor(1) as pool:
        with migrate.migrating(empty):
            second = pool.submit(migrate.upgrade, empty)
            assert waits.wait(PATIENCE)
            assert not second.done()
            waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'"
            assert not watch.execute(waiting).fetchall()
        assert second.result() == migrate.head_revision()


def test_a_locked_table_is_tried_again_without_keeping_others_in_line(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(dsn) as busy:
        busy.execute("LOCK TABLE pgq.kinds IN ACCESS SHARE MODE")
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            busy.rollback()

        monkeypatch.setattr("pgq.db.migrate.time.sleep", pause)
        migrate.downgrade(dsn, "base")

    # The next try may have to wait a moment more, until the server has let go of the first one's advisory lock.
    assert pauses.count(migrate.BETWEEN_TRIES) == 1


# Waiting for the database


def test_waiting_until_the_database_is_there(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"pgq_test_{uuid4().hex[:12]}"
    tries = threading.Semaphore(0)

    def meanwhile(_seconds: float) -> None:
        tries.release()
        with psycopg.connect(databases.conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())

    monkeypatch.setattr("pgq.db.migrate.time.sleep", meanwhile)
    try:
        assert migrate.upgrade(databases.conninfo(name), wait_seconds=60) == migrate.head_revision()
        assert tries.acquire(blocking=False)
    finally:
        databases.drop(name)


def test_without_waiting_a_missing_database_is_said_at_once(databases: Databases) -> None:
    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        migrate.upgrade(databases.conninfo("pgq_test_not_there"))


# Where pgq may not migrate


@pytest.mark.parametrize(
    "theirs",
    ["CREATE TABLE pgq.queue (id integer)", "CREATE FUNCTION pgq.version() RETURNS text LANGUAGE sql RETURN '3'"],
)
def test_a_schema_that_pgq_did_not_make_is_refused_and_left_alone(empty: str, theirs: str) -> None:
    with psycopg.connect(empty) as connection:
        connection.execute("CREATE SCHEMA pgq")
        connection.execute(theirs.encode())

    with pytest.raises(SchemaError, match="another database"):
        migrate.upgrade(empty)

    assert "alembic_version" not in described(empty)["tables"]


def test_an_empty_schema_made_by_an_administrator_is_used(empty: str) -> None:
    with psycopg.connect(empty) as connection:
        connection.execute("CREATE SCHEMA pgq")

    assert migrate.upgrade(empty) == migrate.head_revision()


def test_a_newer_revision_is_refused(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE pgq.alembic_version SET version_num = '9999'")

    with pytest.raises(SchemaError, match=r"9999.*upgrade pgq-tasks"):
        migrate.upgrade(dsn)


@pytest.mark.parametrize("schema_made_before", [False, True])
def test_a_user_who_may_not_create_roles_migrates_and_uses_all(empty: str, schema_made_before: bool) -> None:
    user = f"pgq_test_{uuid4().hex[:12]}"
    database = conninfo_to_dict(empty)["dbname"]
    with psycopg.connect(empty, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {user} LOGIN NOCREATEROLE PASSWORD 'not-a-secret'".encode())
        if schema_made_before:
            admin.execute(f"CREATE SCHEMA pgq AUTHORIZATION {user}".encode())
        else:
            admin.execute(f'GRANT CREATE ON DATABASE "{database}" TO {user}'.encode())
        try:
            theirs = make_conninfo(empty, user=user, password="not-a-secret")
            assert migrate.upgrade(theirs) == migrate.head_revision()
            with psycopg.connect(theirs) as connection:
                connection.execute("SELECT pgq.submit('echo')")
            migrate.downgrade(theirs, "base")
        finally:
            admin.execute(f"DROP OWNED BY {user}".encode())
            admin.execute(f"DROP ROLE {user}".encode())


def test_roles_that_may_not_be_made_are_left_out_with_a_notice(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On names of its own: the tests' server has the real roles."""
    user = f"pgq_test_{uuid4().hex[:12]}"
    statements = (ROOT / "migrations/sql/0001/up/35_roles.sql").read_text().replace("'pgq_", f"'{user}_")
    notices: list[str] = []
    with psycopg.connect(empty, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {user} NOCREATEROLE".encode())
        try:
            admin.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
            admin.execute(f"SET ROLE {user}".encode())
            admin.execute(statements.encode())
            admin.execute("RESET ROLE")
        finally:
            admin.execute(f"DROP ROLE {user}".encode())

    assert [notice for notice in notices if "submitter" in notice] == [
        f"role {user}_submitter was not made: {user} may not create roles"
    ]
    assert len(notices) == 4


def test_only_statements_that_can_be_read_as_files(empty: str) -> None:
    """Every revision's statements lie in migrations/sql, in order, none empty."""
    for folder in sorted((ROOT / "migrations/sql").glob("*/*")):
        files = sorted(folder.glob("*.sql"))
        assert files
        assert all(file.name[:2].isdigit() and file.read_text().strip() for file in files)
