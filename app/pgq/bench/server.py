"""Where measurements take place: a server of their own, a fresh migrated database each."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from pgq.db.embedded import EmbeddedServer
from pgq.db.migrate import upgrade
from pgq.db.sql import sql


@contextmanager
def own_server() -> Iterator[str]:
    """A server with everything durable, in a temporary folder; gives the conninfo of its administrator."""
    with tempfile.TemporaryDirectory(prefix="pgq-bench-") as folder:
        server = EmbeddedServer(Path(folder) / "postgres", die_with_parent=True)
        try:
            yield server.start().conninfo
        finally:
            server.stop()


@contextmanager
def database(server: str, name: str) -> Iterator[str]:
    """A fresh, migrated database called `name` and something, dropped at the end, whoever is connected to it."""
    name = f"{name}_{uuid4().hex[:12]}"
    with connected(server) as admin:
        admin.execute(SQL(sql("bench/create_database")).format(name=Identifier(name)))
    conninfo = make_conninfo(server, dbname=name)
    try:
        upgrade(conninfo)
        yield conninfo
    finally:
        with connected(server) as admin:
            admin.execute(SQL(sql("bench/drop_database")).format(name=Identifier(name)))


def connected(conninfo: str) -> psycopg.Connection[Any]:
    """A connection in autocommit mode."""
    return psycopg.connect(conninfo, autocommit=True)
