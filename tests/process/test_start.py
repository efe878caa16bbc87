"""A worker may be started before its database and before the schema: it waits, says so, and then works."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from pgq.db.migrate import upgrade
from tests.server import DatabaseServer
from tests.tasks import tasks_of
from tests.workers import Fleet

APP = "tests.process.work_app"


@pytest.fixture
def name(database_server: DatabaseServer) -> Iterator[str]:
    """The name of a database that does not exist."""
    name = f"pgq_test_{uuid4().hex[:12]}"
    yield name
    with psycopg.connect(database_server.conninfo, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def test_it_waits_for_the_database_and_for_its_schema(fleet: Fleet, database_server: DatabaseServer, name: str) -> None:
    fleet.conninfo = make_conninfo(database_server.conninfo, dbname=name)
    worker = fleet.start(APP)
    worker.wait_to_hear("trying again")
    assert name in worker.said()
    with psycopg.connect(database_server.conninfo, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    late = fleet.start(APP)
    late.wait_to_hear("run 'pgq migrate'")
    upgrade(fleet.conninfo)
    with tasks_of(fleet.conninfo) as tasks:
        worker.wait_until_ready()
        late.wait_until_ready()
        assert tasks.ended(tasks.submit("echo", value="at last")).result == "at last"
    assert worker.lives
    assert late.lives
    assert worker.said().count("trying again") < 3, "one line a minute is enough"


def test_while_it_waits_it_can_be_stopped(fleet: Fleet, database_server: DatabaseServer, name: str) -> None:
    fleet.conninfo = make_conninfo(database_server.conninfo, dbname=name)
    worker = fleet.start(APP)
    worker.wait_to_hear("trying again")
    worker.tell_to_stop()
    assert worker.exit_code() == 0
