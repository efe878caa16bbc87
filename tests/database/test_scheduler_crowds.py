"""More is due than a full queue has room for: what fits fires, what does not says so, and it costs a few statements."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg import AsyncConnection

from pgq.db import duties as duties_db
from pgq.maintenance.duties import duties
from pgq.maintenance.ticker import Ticker
from tests.schedules import make, make_due, row, ticks
from tests.verbs import A, Database

MANY = 450


async def many(db: Database, queue: str, count: int = MANY) -> None:
    await db.run(
        "INSERT INTO pgq.schedules (name, cron, kind, queue)"
        " SELECT %s || n, '0 0 1 1 *', 'echo', %s FROM generate_series(1, %s) AS n",
        queue,
        queue,
        count,
    )


async def all_are_due(db: Database) -> None:
    await db.run("UPDATE pgq.schedules SET next_tick_at = now() - interval '1 s', due_at = now() - interval '1 s'")
    await duties_db.make_due(db.connection, "scheduler")


async def tick(db: Database) -> None:
    """One look of a process at what is due."""
    only = [one for one in duties(lease=60, kind_grace=86_400) if one.name == "scheduler"]
    ticker = Ticker(db.conninfo, A, only, retention=7 * 86_400)
    ticker.partitions_due_at = float("inf")
    await ticker.tick(db.connection)


async def fired(db: Database, queue: str) -> int:
    found: int = await db.value("SELECT count(*) FROM pgq.tasks WHERE queue = %s AND headers ? 'schedule'", queue)
    return found


async def refused(db: Database, queue: str) -> int:
    found: int = await db.value(
        "SELECT count(*) FROM pgq.schedules WHERE queue = %s AND error LIKE %s",
        queue,
        f"queue {queue} is full: at most % tasks may wait in it",
    )
    return found


@contextmanager
def counted(connection: AsyncConnection[Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[list[None]]:
    """The round trips of a connection."""
    trips: list[None] = []
    wait = AsyncConnection.wait

    async def counting(self: AsyncConnection[Any], *given: Any, **named: Any) -> Any:
        if self is connection:
            trips.append(None)
        return await wait(self, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(AsyncConnection, "wait", counting)
        yield trips


async def statements_of_a_tick(db: Database, monkeypatch: pytest.MonkeyPatch) -> int:
    await all_are_due(db)
    with counted(db.connection, monkeypatch) as trips:
        await tick(db)
    return len(trips)


async def test_a_thousand_that_are_due_into_full_queues_cost_no_more_statements_than_one(
    db: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await db.run("INSERT INTO pgq.queues (name, max_depth) VALUES ('full', 1), ('also full', 1)")
    for queue in ("full", "also full"):
        await db.submit(queue=queue)
        await make(db, queue, queue=queue)
    await make(db, "other")
    for_two = await statements_of_a_tick(db, monkeypatch)
    assert (await refused(db, "full"), await refused(db, "also full"), len(await ticks(db, "other"))) == (1, 1, 1)

    for queue in ("full", "also full"):
        await many(db, queue)
    await db.run("UPDATE pgq.schedules SET error_at = NULL, error = NULL")
    with caplog.at_level(logging.ERROR):
        for_many = await statements_of_a_tick(db, monkeypatch)

    assert for_many == for_two
    assert (await fired(db, "full"), await fired(db, "also full"), len(await ticks(db, "other"))) == (0, 0, 2)
    assert (await refused(db, "full"), await refused(db, "also full")) == (MANY + 1, MANY + 1)
    assert f"{2 * MANY + 2} schedules do not fit, such as also full: queue also full is full" in caplog.text
    assert "full" in await db.value("SELECT failure FROM pgq.maintenance_status WHERE duty = 'scheduler'")


async def test_as_many_fire_as_there_is_room_for(db: Database) -> None:
    await db.run("INSERT INTO pgq.queues (name, max_depth) VALUES ('narrow', 5)")
    await db.run("INSERT INTO pgq.kinds (kind, queue) VALUES ('of the narrow', 'narrow')")
    await db.submit(queue="narrow")
    await make(db, "most", queue="narrow", misfire="all")
    await many(db, "narrow", 6)
    await make(db, "by its kind", kind="of the narrow")
    await all_are_due(db)
    await make_due(db, "most", datetime(2015, 1, 1, tzinfo=UTC))

    await tick(db)

    assert await fired(db, "narrow") == 4
    assert (await row(db, "most"))["error"].startswith("queue narrow is full")
    assert await db.value("SELECT count(*) FROM pgq.schedules WHERE error IS NOT NULL") == 8 - 4


async def test_a_tick_that_makes_no_task_passes_a_full_queue(db: Database) -> None:
    await db.run("INSERT INTO pgq.queues (name, max_depth) VALUES ('full', 1)")
    await make(db, "still at it", queue="full", overlap="skip")
    await many(db, "full", 3)
    await db.run("UPDATE pgq.schedules SET next_tick_at = '3000-01-01Z'::timestamptz - interval '1 d', due_at = NULL")
    passed = await make_due(db, "still at it", 5)
    await duties_db.make_due(db.connection, "scheduler")
    await tick(db)
    assert await fired(db, "full") == 1

    await all_are_due(db)
    await tick(db)

    assert await refused(db, "full") == 3
    after = await row(db, "still at it")
    assert (after["error"], after["last_tick_at"] > passed) == (None, True)
