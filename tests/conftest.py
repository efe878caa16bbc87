"""What all tests share: one PostgreSQL server for the run, one migrated database for each test that asks for `dsn`."""

from collections.abc import Iterator

import pytest
from psycopg.conninfo import conninfo_to_dict

from pgq.db.migrate import upgrade
from tests.server import SERVER, Databases, DatabaseServer, start_test_server, stop_test_server


def pytest_configure(config: pytest.Config) -> None:
    """The server is started here, before xdist starts its workers."""
    if not (config.option.help or config.option.collectonly):
        start_test_server(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    stop_test_server(config)


def pytest_report_header(config: pytest.Config) -> str | None:
    server = config.stash.get(SERVER, None)
    return f"database: {server.arm}, PostgreSQL {server.version}" if server else None


@pytest.fixture(scope="session")
def database_server(pytestconfig: pytest.Config) -> DatabaseServer:
    """The server of this run: its arm, its version, and the conninfo of an administrator."""
    return pytestconfig.stash[SERVER]


@pytest.fixture(scope="session")
def databases(database_server: DatabaseServer) -> Iterator[Databases]:
    """To make and drop databases on it."""
    databases = Databases(database_server)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def template(databases: Databases) -> Iterator[str]:
    """The name of a migrated database, to be copied."""
    name = databases.create_template(upgrade)
    yield name
    databases.drop(name)


@pytest.fixture
def dsn(databases: Databases, template: str) -> Iterator[str]:
    """The conninfo of a fresh, migrated database, dropped after the test."""
    conninfo = databases.create(template)
    yield conninfo
    databases.drop(str(conninfo_to_dict(conninfo)["dbname"]))
