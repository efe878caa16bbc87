"""Python's door: the same rules and defaults as the others, sync and async."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

import pgq
from tests.server import Databases

END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()
"""


@pytest.fixture
def app(dsn: str) -> Iterator[pgq.App]:
    with pgq.App(dsn) as app:
        yield app


@pytest.fixture
def database(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def async_app(dsn: str) -> AsyncIterator[pgq.App]:
    async with pgq.App(dsn) as app:
        yield app


def test_a_submitted_task_is_there_with_what_was_said_of_it(app: pgq.App) -> None:
    @app.task(queue="email", tags=["mail"])
    def send_email(to: str, at: datetime) -> None: ...

    moment = datetime(2030, 1, 1, tzinfo=UTC)
    handle = send_email.options(
        priority="high", run_at=moment, expires_at=moment + timedelta(hours=1), max_attempts=9,
        timeout=timedelta(minutes=2), key="k", tags=["vip"], headers={"trace": "ü"},
    ).submit("ada@example.com", at=moment)  # fmt: skip
    status = handle.status()

    assert handle.created
    assert (status.id, status.kind, status.queue, status.state) == (handle.id, "send_email", "email", "scheduled")
    assert status.payload == {"to": "ada@example.com", "at": "2030-01-01T00:00:00Z"}
    assert (status.priority, status.max_attempts, status.timeout_seconds) == (8, 9, 120)
    assert (status.run_at, status.expires_at) == (moment, moment + timedelta(hours=1))
    assert (status.idempotency_key, status.tags, status.headers) == ("k", ["mail", "vip"], {"trace": "ü"})
    assert (status.attempt, status.result, status.error, status.finished_at) == (0, None, None, None)


async def test_async_code_submits_the_same(async_app: pgq.App) -> None:
    @async_app.task(priority=7)
    async def ping(n: int) -> None: ...

    by_handler = await ping.options(delay=60).submit_async(1)
    by_kind = await async_app.submit_async("ping", {"n": 1}, delay=timedelta(minutes=1))
    statuses = [await by_handler.status_async(), await by_kind.status_async()]

    assert [(s.kind, s.payload, s.priority, s.state) for s in statuses] == [("ping", {"n": 1}, 7, "scheduled")] * 2


async def test_many_coroutines_share_a_few_connections(dsn: str, database: psycopg.Connection) -> None:
    async with pgq.App(dsn, pool_size=2) as app:
        handles = await asyncio.gather(*(app.submit_async("k", {"n": n}) for n in range(100)))
        row = database.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()").fetchone()

    assert len({handle.id for handle in handles}) == 100
    assert row is not None
    assert row[0] <= 3


def test_a_delay_counts_from_the_databases_clock(app: pgq.App) -> None:
    status = app.submit("k", delay=3600).status()

    assert status.run_at - status.created_at == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=2))


def test_fields_left_out_are_filled_from_kinds_then_queues_then_the_handler_then_built_in(
    app: pgq.App, database: psycopg.Connection
) -> None:
    @app.task(queue="mine", priority=6, max_attempts=2, timeout=77)
    def ping() -> None: ...

    def filled() -> tuple[str, int, int, float | None]:
        status = ping.submit().status()
        return status.queue, status.priority, status.max_attempts, status.timeout_seconds

    assert filled() == ("mine", 6, 2, 77)
    database.execute("INSERT INTO pgq.queues (name, timeout_seconds) VALUES ('mine', 88), ('email', 99)")
    assert filled() == ("mine", 6, 2, 88)
    database.execute("INSERT INTO pgq.kinds (kind, queue, priority, max_attempts) VALUES ('ping', 'email', 1, 3)")
    assert filled() == ("email", 1, 3, 99)
    assert ping.options(queue="mine", priority=9, timeout=5).submit().status().timeout_seconds == 5
    elsewhere = app.submit("no-handler-here").status()
    assert (elsewhere.queue, elsewhere.priority, elsewhere.max_attempts, elsewhere.timeout_seconds) == (
        "default",
        5,
        4,
        300,
    )


def test_the_same_key_is_the_same_request(app: pgq.App) -> None:
    first = app.submit("k", {"a": 1}, key="order:7")
    again = app.submit("k", {"a": 1}, key="order:7")
    other_queue = app.submit("k", {"a": 1}, key="order:7", queue="q")

    assert (first.created, again.created, again.id) == (True, False, first.id)
    assert other_queue.created
    with pytest.raises(pgq.IdempotencyConflict, match="order:7"):
        app.submit("k", {"a": 2}, key="order:7")


def test_what_only_the_database_can_refuse_comes_back_as_the_same_error(app: pgq.App) -> None:
    with pytest.raises(pgq.InvalidTask) as late:
        app.submit("k", run_at=datetime(2030, 1, 2, tzinfo=UTC), expires_at=datetime(2030, 1, 1, tzinfo=UTC))
    with pytest.raises(pgq.InvalidTask) as large:
        app.submit("k", {"list": [0] * 490_000})  # 980 KB compact, 1.5 MB as PostgreSQL writes it

    assert (late.value.field, large.value.field) == ("expires_at", "payload")


def test_a_task_that_nobody_has_is_not_found_by_any_method(app: pgq.App) -> None:
    handle = app.handle(uuid4())

    for look in (handle.status, handle.result, handle.cancel, handle.retry):
        with pytest.raises(pgq.TaskNotFound, match=str(handle.id)):
            look()


def test_a_database_without_the_schema_says_what_to_do(databases: Databases) -> None:
    empty = databases.create()
    with pgq.App(empty) as app, pytest.raises(pgq.SchemaError, match="pgq migrate"):
        app.submit("k")


def test_a_database_that_does_not_answer_is_said_at_once_and_without_the_password() -> None:
    app = pgq.App("postgresql://ada:s3cret@127.0.0.1:1/shop")

    with pytest.raises(pgq.DatabaseUnavailable) as down:
        app.submit("k")
    with pytest.raises(pgq.DatabaseUnavailable):
        asyncio.run(app.submit_async("k"))
    assert "s3cret" not in str(down.value)


def test_connections_that_the_server_ended_are_replaced(app: pgq.App, database: psycopg.Connection) -> None:
    app.submit("k")
    database.execute(END_OTHERS)
    database.execute("SELECT pg_sleep(0.1)")

    assert isinstance(app.submit("k").id, UUID)


async def test_async_connections_that_the_server_ended_are_replaced(async_app: pgq.App, dsn: str) -> None:
    await async_app.submit_async("k")
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as other:
        await other.execute(END_OTHERS)
        await other.execute("SELECT pg_sleep(0.1)")

    assert (await async_app.submit_async("k")).created


def test_an_app_may_be_used_again_after_it_was_closed(dsn: str) -> None:
    app = pgq.App(dsn)
    with app:
        app.submit("k")
    with app:
        assert app.submit("k").created
