"""The PostgreSQL server of the tests: PGQ_TEST_DATABASE_URL, else Docker, else the embedded server.

PGQ_TEST_PG=url|docker|embedded insists on one. It is started once, under xdist too: by the controller, for all.
"""

import gc
import json
import os
import secrets
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from pgq.db.embedded import EmbeddedServer
from pgq.db.url import conninfo
from pgq.values.errors import PgqError

ARMS = ("url", "docker", "embedded")
FOR_WORKERS = "PGQ_TEST_SERVER"

CONNECT_TIMEOUT = 60
"""Seconds, in place of pgq's five: a server that all tests use at once, on a slow machine, is late and not away."""

OPTIONS = {
    "max_connections": "300",
    "max_prepared_transactions": "10",
    # Nothing has to survive a power cut. synchronous_commit stays on: what was acknowledged survives a killed server.
    "fsync": "off",
    "full_page_writes": "off",
    "jit": "off",
}


@dataclass(frozen=True)
class DatabaseServer:
    """Which server the tests use, and how to reach it as somebody who may create databases."""

    arm: str
    version: str
    conninfo: str


SERVER = pytest.StashKey[DatabaseServer]()
CLOSING = pytest.StashKey[ExitStack]()


def start_test_server(config: pytest.Config) -> None:
    """Start or find the server, once in a test run; xdist's workers are told by the environment."""
    if hasattr(config, "workerinput"):
        config.stash[SERVER] = DatabaseServer(**json.loads(os.environ[FOR_WORKERS]))
        return
    config.stash[CLOSING] = closing = ExitStack()
    try:
        arm, address = choose_server(closing)
    except PgqError as error:
        closing.close()
        raise pytest.UsageError(str(error)) from None
    address = make_conninfo(address, connect_timeout=CONNECT_TIMEOUT)
    with psycopg.connect(address) as connection:
        version = connection.info.parameter_status("server_version") or "?"
    config.stash[SERVER] = server = DatabaseServer(arm, version, address)
    os.environ[FOR_WORKERS] = json.dumps(asdict(server))


def stop_test_server(config: pytest.Config) -> None:
    """Stop the server, if this process started it."""
    if closing := config.stash.get(CLOSING, None):
        os.environ.pop(FOR_WORKERS, None)
        closing.close()


def choose_server(closing: ExitStack) -> tuple[str, str]:
    """Which arm it is and its conninfo; `closing` stops what had to be started."""
    wanted = os.environ.get("PGQ_TEST_PG", "auto")
    url = os.environ.get("PGQ_TEST_DATABASE_URL")
    if wanted not in ("auto", *ARMS):
        raise pytest.UsageError(f"PGQ_TEST_PG is {wanted!r}; it must be one of {', '.join(ARMS)}")
    if wanted == "url" and not url:
        raise pytest.UsageError("PGQ_TEST_PG=url needs PGQ_TEST_DATABASE_URL")
    if wanted == "url" or (wanted == "auto" and url):
        return "url", conninfo(url or "")
    if wanted == "docker":
        return "docker", _docker(closing)
    if wanted == "auto" and _docker_answers():
        try:
            return "docker", _docker(closing)
        except Exception as error:  # an image that cannot be pulled, for one
            warnings.warn(f"Docker answers but gives no PostgreSQL ({error}); using the embedded server", stacklevel=1)
    return "embedded", _embedded(closing)


def _docker_answers() -> bool:
    import docker  # type: ignore[import-untyped]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # without a daemon the client leaves a socket open
        try:
            client = docker.from_env(timeout=3)
            client.ping()
            client.close()
        except Exception:
            answers = False
        else:
            answers = True
        gc.collect()
    return answers


def _docker(closing: ExitStack) -> str:
    from testcontainers.community.postgres import PostgresContainer

    image = os.environ.get("PGQ_TEST_IMAGE", "postgres:18")
    container = PostgresContainer(image, username="pgq", password=secrets.token_hex(16), dbname="pgq", driver=None)
    container.with_command("postgres " + " ".join(f"-c {name}={value}" for name, value in OPTIONS.items()))
    return conninfo(closing.enter_context(container).get_connection_url())


def _embedded(closing: ExitStack) -> str:
    folder = Path(tempfile.mkdtemp(prefix="pgq-test-"))
    closing.callback(shutil.rmtree, folder, ignore_errors=True)
    server = EmbeddedServer(folder / "postgres", die_with_parent=True, options=OPTIONS)
    closing.callback(server.stop)
    return server.start().conninfo


class Databases:
    """Databases on the test server, made from templates and thrown away."""

    def __init__(self, server: DatabaseServer) -> None:
        self.server = server
        self._connection: psycopg.Connection | None = None

    def create_template(self, migrate: Callable[[str], object]) -> str:
        """A database that `migrate`, given its conninfo, has filled; its name, for `create`."""
        name = f"pgq_template_{uuid.uuid4().hex[:12]}"
        self._run("CREATE DATABASE {}", name)
        migrate(self.conninfo(name))
        return name

    def create(self, template: str = "template1") -> str:
        """The conninfo of a fresh copy of `template`."""
        name = f"pgq_test_{uuid.uuid4().hex[:12]}"
        self._run("CREATE DATABASE {} TEMPLATE {}", name, template)
        return self.conninfo(name)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def conninfo(self, name: str) -> str:
        return make_conninfo(self.server.conninfo, dbname=name)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _run(self, statement: str, *names: str) -> None:
        command = sql.SQL(statement).format(*map(sql.Identifier, names))
        try:
            self._connected().execute(command)
        except psycopg.OperationalError:  # a test restarted the server
            self.close()
            self._connected().execute(command)

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.server.conninfo, autocommit=True)
        return self._connection
