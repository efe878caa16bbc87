"""The ways in which callers hold a transaction open: per library, a connection with its commit and its rollback."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import django  # type: ignore[import-untyped]
import django.conf  # type: ignore[import-untyped]
import django.db  # type: ignore[import-untyped]
import psycopg
import sqlalchemy
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.pool import NullPool


@dataclass(frozen=True)
class Caller:
    """A connection that a caller passes as `connection=`, and how that caller ends the transaction."""

    connection: Any
    commit: Callable[[], Any]
    rollback: Callable[[], Any]


@contextmanager
def by_psycopg(dsn: str) -> Iterator[Caller]:
    with psycopg.connect(dsn) as connection:
        yield Caller(connection, connection.commit, connection.rollback)


@contextmanager
def by_psycopg_with_factories(dsn: str) -> Iterator[Caller]:
    with psycopg.connect(dsn, row_factory=dict_row, cursor_factory=psycopg.RawCursor) as connection:
        yield Caller(connection, connection.commit, connection.rollback)


@contextmanager
def by_psycopg_in_a_pipeline(dsn: str) -> Iterator[Caller]:
    with psycopg.connect(dsn) as connection, connection.pipeline():
        yield Caller(connection, connection.commit, connection.rollback)


def engine(dsn: str) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn), poolclass=NullPool)


@contextmanager
def by_sqlalchemy_connection(dsn: str) -> Iterator[Caller]:
    with engine(dsn).connect() as connection:
        yield Caller(connection, connection.commit, connection.rollback)


@contextmanager
def by_sqlalchemy_session(dsn: str) -> Iterator[Caller]:
    with Session(engine(dsn)) as session:
        yield Caller(session, session.commit, session.rollback)


@contextmanager
def by_sqlalchemy_scoped_session(dsn: str) -> Iterator[Caller]:
    session = scoped_session(sessionmaker(engine(dsn)))
    yield Caller(session, session.commit, session.rollback)
    session.remove()


@contextmanager
def by_django(dsn: str) -> Iterator[Caller]:
    parts = conninfo_to_dict(dsn)
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname"),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "OPTIONS": parts,
    }
    if not django.conf.settings.configured:
        django.conf.settings.configure(USE_TZ=True)
        django.setup()
    django.db.connections.settings = django.db.connections.configure_settings({"default": database})
    connection = django.db.connection
    connection.set_autocommit(False)
    try:
        yield Caller(connection, connection.commit, connection.rollback)
    finally:
        connection.close()
        del django.db.connections["default"]


SYNC = (
    by_psycopg,
    by_psycopg_with_factories,
    by_psycopg_in_a_pipeline,
    by_sqlalchemy_connection,
    by_sqlalchemy_session,
    by_sqlalchemy_scoped_session,
    by_django,
)


@asynccontextmanager
async def by_async_psycopg(dsn: str) -> AsyncIterator[Caller]:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        yield Caller(connection, connection.commit, connection.rollback)


def asyncpg_connection(dsn: str) -> Awaitable[Any]:
    parts: dict[str, Any] = conninfo_to_dict(dsn)
    known = {name: parts.get(name) for name in ("host", "port", "user", "password", "passfile")}
    connection: Awaitable[Any] = asyncpg.connect(database=parts["dbname"], **known)
    return connection


@asynccontextmanager
async def by_asyncpg(dsn: str) -> AsyncIterator[Caller]:
    connection = await asyncpg_connection(dsn)
    # Many programs do this, and it must not encode the tasks twice.
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    transaction = connection.transaction()
    await transaction.start()
    yield Caller(connection, transaction.commit, transaction.rollback)
    await connection.close()


@asynccontextmanager
async def by_async_sqlalchemy_connection(dsn: str) -> AsyncIterator[Caller]:
    made = create_async_engine(
        "postgresql+psycopg://", async_creator=lambda: psycopg.AsyncConnection.connect(dsn), poolclass=NullPool
    )
    async with made.connect() as connection:
        yield Caller(connection, connection.commit, connection.rollback)


@asynccontextmanager
async def by_async_sqlalchemy_session(dsn: str) -> AsyncIterator[Caller]:
    made = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg_connection(dsn), poolclass=NullPool
    )
    async with AsyncSession(made) as session:
        yield Caller(session, session.commit, session.rollback)


ASYNC = (by_async_psycopg, by_asyncpg, by_async_sqlalchemy_connection, by_async_sqlalchemy_session)
