"""Links over the connections of other libraries, none of which is imported: each is known by the name of its class."""

import importlib
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from pgq.client.links import AsyncPsycopgLink, PsycopgLink
from pgq.client.steps import Copy, Rows, Statement
from pgq.db.sql import sql

PARAMETER = re.compile(r"%\((\w+)\)s")


class SqlalchemyLink:
    """Through a SQLAlchemy Connection, whatever driver is below.

    Every plan begins with a statement, so that SQLAlchemy knows of its transaction before rows are copied.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.can_copy = connection.dialect.driver == "psycopg"

    def fetch(self, statement: Statement) -> Rows:
        text, params = rendered(statement, self.connection.dialect.paramstyle)
        return [tuple(row) for row in self.connection.exec_driver_sql(text, params)]

    def copy(self, copy: Copy) -> None:
        PsycopgLink(self.connection.connection.driver_connection).copy(copy)

    @contextmanager
    def atomic(self) -> Iterator["SqlalchemyLink"]:
        yield self


class AsyncSqlalchemyLink:
    """Through a SQLAlchemy AsyncConnection."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.can_copy = connection.dialect.driver == "psycopg_async"

    async def fetch(self, statement: Statement) -> Rows:
        text, params = rendered(statement, self.connection.dialect.paramstyle)
        return [tuple(row) for row in await self.connection.exec_driver_sql(text, params)]

    async def copy(self, copy: Copy) -> None:
        raw = await self.connection.get_raw_connection()
        await AsyncPsycopgLink(raw.driver_connection).copy(copy)

    @asynccontextmanager
    async def atomic(self) -> AsyncIterator["AsyncSqlalchemyLink"]:
        yield self


class AsyncpgLink:
    """Through an asyncpg connection."""

    can_copy = False

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def fetch(self, statement: Statement) -> Rows:
        text, params = rendered(statement, "numeric_dollar")
        return [tuple(row) for row in await self.connection.fetch(text, *params)]

    async def copy(self, copy: Copy) -> None:
        raise TypeError(f"{type(self).__name__} cannot COPY {copy.name}; a plan asks with MayCopy first")

    @asynccontextmanager
    async def atomic(self) -> AsyncIterator["AsyncpgLink"]:
        async with self.connection.transaction():
            yield self


class DjangoLink:
    """Through `django.db.connection`."""

    can_copy = False

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def fetch(self, statement: Statement) -> Rows:
        with self.connection.cursor() as cursor:
            cursor.execute(sql(statement.name), statement.params)
            return [tuple(row) for row in cursor.fetchall()]

    def copy(self, copy: Copy) -> None:
        raise TypeError(f"{type(self).__name__} cannot COPY {copy.name}; a plan asks with MayCopy first")

    @contextmanager
    def atomic(self) -> Iterator["DjangoLink"]:
        with importlib.import_module("django.db.transaction").atomic(using=self.connection.alias):
            yield self


def rendered(statement: Statement, style: str) -> tuple[str, Any]:
    """The statement as a driver of that DB-API paramstyle takes it, with its parameters."""
    text: str = sql(statement.name)
    if style == "pyformat":
        return text, dict(statement.params)
    names = list(dict.fromkeys(PARAMETER.findall(text)))
    match style:
        case "numeric_dollar":
            text = PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", text)
        case "format" if len(names) == 1:
            text = PARAMETER.sub("%s", text)
        case _:
            raise TypeError(f"connection: pgq does not know the paramstyle {style!r} of its driver")
    return text, tuple(statement.params[name] for name in names)
