"""Bulk: all or nothing, in order, with the same defaults as one by one."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

import pgq
from pgq.client.submit import CHUNK_TASKS, COPY_ABOVE


@pytest.fixture
def app(dsn: str) -> Iterator[pgq.App]:
    with pgq.App(dsn) as app:
        yield app


@pytest.fixture
def database(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def count(database: psycopg.Connection) -> int:
    row = database.execute("SELECT count(*) FROM pgq.tasks").fetchone()
    assert row is not None
    found: int = row[0]
    return found


FEW, MANY = 3, COPY_ABOVE + 50


@pytest.mark.parametrize("size", [FEW, MANY], ids=["by statement", "by COPY"])
def test_handles_come_in_the_order_of_the_tasks(app: pgq.App, database: psycopg.Connection, size: int) -> None:
    @app.task
    def square(n: int) -> int:
        return n * n

    handles = app.submit_many(square.new(n) for n in range(size))
    rows: list[tuple[UUID, int]] = database.execute("SELECT id, (payload ->> 'n')::int FROM pgq.tasks").fetchall()
    stored = dict(rows)

    assert [stored[handle.id] for handle in handles] == list(range(size))
    assert all(handle.created for handle in handles)


@pytest.mark.parametrize("size", [FEW, MANY], ids=["by statement", "by COPY"])
def test_both_ways_store_the_same(app: pgq.App, database: psycopg.Connection, size: int) -> None:
    @app.task(queue="mine", priority=6, max_attempts=2, timeout=77, tags=["t", 'q"uote', "back\\slash", "{}", "NULL"])
    def ping(text: str) -> None: ...

    database.execute("INSERT INTO pgq.queues (name, timeout_seconds) VALUES ('slow', 88)")
    database.execute("INSERT INTO pgq.kinds (kind, queue, priority) VALUES ('published', 'email', 1)")
    text = 'tab\t, newline\n, backslash \\ \\N, quote ", ünïcode 🎉'
    special = [
        ping.options(headers={"trace": text}, delay=60).new(text),
        ping.options(queue="slow", priority="low", max_attempts=9).new(""),
        ping.options(timeout=5).new("x"),
    ]
    handles = app.submit_many([*special, *(ping.new("fill") for _ in range(size))])[:4]
    one_by_one = [
        ping.options(headers={"trace": text}, delay=60).submit(text),
        ping.options(queue="slow", priority="low", max_attempts=9).submit(""),
        ping.options(timeout=5).submit("x"),
        ping.submit("fill"),
    ]

    for bulk, single in zip(handles, one_by_one, strict=True):
        assert said(bulk) == said(single)
        assert due_after(bulk) == pytest.approx(due_after(single), abs=2)


def said(handle: pgq.Handle[Any]) -> dict[str, Any]:
    status = handle.status().to_json()
    return {name: status[name] for name in status.keys() - {"id", "created_at", "run_at"}}


def due_after(handle: pgq.Handle[Any]) -> float:
    status = handle.status()
    return (status.run_at - status.created_at) / timedelta(seconds=1)


def test_a_published_kind_decides_for_copied_tasks_too(app: pgq.App, database: psycopg.Connection) -> None:
    @app.task(queue="mine", priority=6)
    def ping() -> None: ...

    database.execute("INSERT INTO pgq.kinds (kind, queue, priority, timeout_seconds) VALUES ('ping', 'email', 1, 12)")
    status = app.submit_many(ping.new() for _ in range(MANY))[0].status()

    assert (status.queue, status.priority, status.max_attempts, status.timeout_seconds) == ("email", 1, 4, 12)


def test_known_keys_answer_with_the_first_task_among_copied_ones(app: pgq.App, database: psycopg.Connection) -> None:
    @app.task
    def ping(n: int) -> None: ...

    known = ping.options(key="b").submit(1)
    tasks = [ping.new(n) for n in range(MANY)]
    tasks[7:7] = [ping.options(key="c").new(1), ping.options(key="b").new(1), ping.options(key="c").new(1)]
    handles = app.submit_many(tasks)

    assert [handle.created for handle in handles[6:11]] == [True, True, False, False, True]
    assert handles[8].id == known.id
    assert handles[9].id == handles[7].id
    assert count(database) == MANY + 2


@pytest.mark.parametrize("size", [FEW, MANY], ids=["by statement", "by COPY"])
def test_one_refused_task_refuses_all(app: pgq.App, database: psycopg.Connection, size: int) -> None:
    @app.task
    def ping(n: int) -> None: ...

    ping.options(key="taken").submit(1)
    with pytest.raises(pgq.IdempotencyConflict):
        app.submit_many([*(ping.new(n) for n in range(size)), ping.options(key="taken").new(2)])

    @app.task
    def large(numbers: list[int]) -> None: ...

    with pytest.raises(pgq.InvalidTask) as refused:
        app.submit_many([*(ping.new(n) for n in range(size)), large.new([0] * 490_000)])

    assert refused.value.field == "payload"
    assert count(database) == 1


def test_more_keys_than_one_statement_takes_are_still_all_or_nothing(
    app: pgq.App, database: psycopg.Connection
) -> None:
    @app.task
    def ping(n: int) -> None: ...

    tasks = [ping.options(key=f"key-{n:05}").new(n) for n in range(2_100)]
    ping.options(key="key-02050").submit(-1)
    with pytest.raises(pgq.IdempotencyConflict):
        app.submit_many(tasks)

    assert count(database) == 1
    assert len({handle.id for handle in app.submit_many(tasks[:2_050])}) == 2_050


async def test_async_bulk_does_the_same(dsn: str, database: psycopg.Connection) -> None:
    async with pgq.App(dsn) as app:

        @app.task
        async def ping(n: int) -> None: ...

        handles = await app.submit_many_async([ping.new(n) for n in range(MANY)])
        assert (await handles[-1].status_async()).payload == {"n": MANY - 1}
        with pytest.raises(pgq.InvalidTask):
            await app.submit_many_async([ping.new(math.inf)])  # type: ignore[arg-type]
        assert await app.submit_many_async([]) == []

    assert count(database) == MANY


def test_tasks_copied_together_are_due_in_their_order(app: pgq.App, database: psycopg.Connection) -> None:
    @app.task
    def ping(n: int) -> None: ...

    app.submit_many(ping.options(delay=0).new(n) for n in range(MANY))
    claimed = database.execute("SELECT (payload ->> 'n')::int FROM pgq.tasks ORDER BY run_at, id").fetchall()

    assert [n for (n,) in claimed] == list(range(MANY))


@pytest.mark.parametrize(
    ("size", "key", "bad"),
    [(FEW, False, 2), (FEW, True, 1), (MANY, False, 0), (MANY, False, MANY - 1), (2 * CHUNK_TASKS, True, 1_500)],
    ids=["one statement", "keys", "first of a COPY", "last of a COPY", "keys of several statements"],
)
def test_a_refusal_tells_which_of_the_tasks_it_is_for(
    app: pgq.App, database: psycopg.Connection, size: int, key: bool, bad: int
) -> None:
    @app.task
    def ping(n: int) -> None: ...

    def task(n: int) -> pgq.NewTask[None]:
        over = datetime(2020, 1, 1, tzinfo=UTC) if n == bad else None
        return ping.options(key=f"key {n}" if key else None, expires_at=over).new(n)

    with pytest.raises(pgq.InvalidTask, match=f"^task {bad}: expires_at: must be later") as refused:
        app.submit_many(task(n) for n in range(size))

    assert (refused.value.position, refused.value.field) == (bad, "expires_at")
    assert count(database) == 0


def test_a_single_submit_has_no_position(app: pgq.App) -> None:
    @app.task
    def ping() -> None: ...

    with pytest.raises(pgq.InvalidTask, match=r"^expires_at: must be later") as refused:
        ping.options(expires_at=datetime(2020, 1, 1, tzinfo=UTC)).submit()

    assert refused.value.position is None
