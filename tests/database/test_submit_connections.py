"""A submit inside the caller's own transaction: there when it commits, never there when it does not."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any

import psycopg
import pytest
import sqlalchemy

import pgq
from pgq.client.submit import CHUNK_TASKS
from tests.database.callers import ASYNC, SYNC, Caller, by_asyncpg, by_psycopg, engine

Sync = Callable[[str], AbstractContextManager[Caller]]
Async = Callable[[str], AbstractAsyncContextManager[Caller]]
BULK = CHUNK_TASKS + 50

every_sync = pytest.mark.parametrize("calling", SYNC, ids=lambda way: way.__name__)
every_async = pytest.mark.parametrize("calling", ASYNC, ids=lambda way: way.__name__)


@pytest.fixture
def app() -> Iterator[pgq.App]:
    """Without a database of its own: everything must go through the caller's connection."""
    with pgq.App("postgresql://nobody@127.0.0.1:1/nowhere") as app:
        yield app


@pytest.fixture
def database(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def stored(database: psycopg.Connection) -> list[Any]:
    return [id for (id,) in database.execute("SELECT id FROM pgq.tasks ORDER BY created_at, id").fetchall()]


@every_sync
def test_a_task_exists_once_the_callers_transaction_commits(
    app: pgq.App, dsn: str, database: psycopg.Connection, calling: Sync
) -> None:
    with calling(dsn) as caller:
        handle = app.submit("k", {"text": "50 % of ünïcode"}, key="a", connection=caller.connection)
        assert stored(database) == []
        caller.commit()
        assert stored(database) == [handle.id]

        again = app.submit("k", {"text": "50 % of ünïcode"}, key="a", connection=caller.connection)
        assert (again.id, again.created) == (handle.id, False)
        caller.commit()


@every_sync
def test_a_task_of_a_rolled_back_transaction_never_existed(
    app: pgq.App, dsn: str, database: psycopg.Connection, calling: Sync
) -> None:
    @app.task
    def ping(n: int) -> None: ...

    with calling(dsn) as caller:
        ping.options(key="a", connection=caller.connection).submit(1)
        caller.rollback()
        app.submit_many([ping.new(n) for n in range(BULK)], connection=caller.connection)
        caller.rollback()
        assert stored(database) == []

        assert ping.options(key="a", connection=caller.connection).submit(2).created
        caller.commit()
    assert len(stored(database)) == 1


@every_sync
def test_bulk_goes_through_the_callers_transaction(
    app: pgq.App, dsn: str, database: psycopg.Connection, calling: Sync
) -> None:
    @app.task
    def ping(n: int) -> None: ...

    with calling(dsn) as caller:
        tasks = [*(ping.new(n) for n in range(BULK)), ping.options(key="a").new(1)]
        handles = app.submit_many(tasks, connection=caller.connection)
        caller.commit()

    assert {handle.id for handle in handles} == set(stored(database))
    assert len(handles) == BULK + 1


@every_sync
def test_errors_are_pgqs_whatever_wrapped_them(app: pgq.App, dsn: str, calling: Sync) -> None:
    with calling(dsn) as caller:
        app.submit("k", {"a": 1}, key="a", connection=caller.connection)
        with pytest.raises(pgq.IdempotencyConflict, match="a was used for another"):
            app.submit("k", {"a": 2}, key="a", connection=caller.connection)
        caller.rollback()
        with pytest.raises(pgq.InvalidTask) as refused:
            app.submit("k", {"list": [0] * 490_000}, connection=caller.connection)
        assert refused.value.field == "payload"
        caller.rollback()


@every_async
async def test_async_a_task_exists_once_the_callers_transaction_commits(
    app: pgq.App, dsn: str, database: psycopg.Connection, calling: Async
) -> None:
    async with calling(dsn) as caller:
        handle = await app.submit_async("k", {"text": "ünïcode"}, key="a", connection=caller.connection)
        again = await app.submit_async("k", {"text": "ünïcode"}, key="a", connection=caller.connection)
        assert stored(database) == []
        await caller.commit()

    assert (again.id, again.created) == (handle.id, False)
    assert stored(database) == [handle.id]


@every_async
async def test_async_a_task_of_a_rolled_back_transaction_never_existed(
    app: pgq.App, dsn: str, database: psycopg.Connection, calling: Async
) -> None:
    @app.task
    async def ping(n: int) -> None: ...

    async with calling(dsn) as caller:
        await ping.options(connection=caller.connection).submit_async(1)
        await app.submit_many_async([ping.new(n) for n in range(BULK)], connection=caller.connection)
        await caller.rollback()

    assert stored(database) == []


@every_async
async def test_async_bulk_goes_through_the_callers_transaction(
    app: pgq.App, dsn: str, database: psycopg.Connection, calling: Async
) -> None:
    @app.task
    async def ping(n: int) -> None: ...

    async with calling(dsn) as caller:
        handles = await app.submit_many_async([ping.new(n) for n in range(BULK)], connection=caller.connection)
        await caller.commit()

    assert {handle.id for handle in handles} == set(stored(database))


@every_async
async def test_async_errors_are_pgqs_whatever_wrapped_them(app: pgq.App, dsn: str, calling: Async) -> None:
    async with calling(dsn) as caller:
        with pytest.raises(pgq.InvalidTask) as refused:
            await app.submit_async("k", {"list": [0] * 490_000}, connection=caller.connection)
        assert refused.value.field == "payload"
        await caller.rollback()


def test_bulk_over_an_autocommit_connection_is_still_all_or_nothing(
    app: pgq.App, dsn: str, database: psycopg.Connection
) -> None:
    @app.task
    def ping(n: int) -> None: ...

    with psycopg.connect(dsn, autocommit=True) as connection:
        ping.options(key="taken", connection=connection).submit(1)
        tasks = [*(ping.new(n) for n in range(BULK)), ping.options(key="taken").new(2)]
        with pytest.raises(pgq.IdempotencyConflict):
            app.submit_many(tasks, connection=connection)

    assert len(stored(database)) == 1


@pytest.mark.parametrize("wrong", [object(), "postgresql://localhost", 5])
async def test_another_object_is_refused_with_what_is_accepted(app: pgq.App, wrong: object) -> None:
    with pytest.raises(TypeError, match=r"must be a psycopg\.Connection, a SQLAlchemy Connection or Session"):
        app.submit("k", connection=wrong)
    with pytest.raises(TypeError, match=r"must be a psycopg\.AsyncConnection, .* or an asyncpg connection"):
        await app.submit_async("k", connection=wrong)


async def test_sync_and_async_connections_are_told_apart(app: pgq.App, dsn: str) -> None:
    with by_psycopg(dsn) as caller, pytest.raises(TypeError, match="go with the methods without _async"):
        await app.submit_async("k", connection=caller.connection)
    async with by_asyncpg(dsn) as async_caller:
        with pytest.raises(TypeError, match="go with the _async methods"):
            app.submit("k", connection=async_caller.connection)


def test_another_database_is_refused(app: pgq.App, dsn: str) -> None:
    with sqlalchemy.create_engine("sqlite://").connect() as sqlite, pytest.raises(TypeError, match="not on sqlite"):
        app.submit("k", connection=sqlite)
    with pytest.raises(TypeError, match="not sqlalchemy"):
        app.submit("k", connection=engine(dsn))
