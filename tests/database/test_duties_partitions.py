"""A partition a day: made a week ahead, healed when missing, dropped after the retention, and nobody stalled by it."""

import asyncio

import pytest

from pgq.db import duties as duties_db
from pgq.maintenance.duties import duties
from pgq.maintenance.ticker import Ticker
from pgq.values.outcome import BuryNow
from tests.verbs import FAILED, A, Connection, Database, retry_later

DAYS = """
    SELECT left(relname, -9) AS parent,
           to_date(right(relname, 8), 'YYYYMMDD') - (now() AT TIME ZONE 'UTC')::date AS day
    FROM pg_class JOIN pg_inherits ON inhrelid = oid WHERE relnamespace = 'pgq'::regnamespace AND relkind = 'r'
"""
PARENTS = ("task_history", "attempts", "task_logs")


async def days(db: Database, parent: str) -> list[int]:
    """For which days, counted from today, the table has its partition."""
    return sorted([row["day"] for row in await db.rows(DAYS) if row["parent"] == parent])


async def old_partition(db: Database, parent: str = "task_history", days_ago: int = 30) -> str:
    """A partition whose retention is over."""
    day = "(now() AT TIME ZONE 'UTC')::date - %s"
    name = parent + str(await db.value(f"SELECT to_char({day}, '_YYYYMMDD')", days_ago))
    since, until = [await db.value(f"SELECT ({day})::text || ' 00:00:00+00'", days_ago - more) for more in (0, 1)]
    await db.run(f"CREATE TABLE pgq.{name} PARTITION OF pgq.{parent} FOR VALUES FROM ('{since}') TO ('{until}')")
    return name


async def exists(db: Database, name: str) -> bool:
    return bool(await db.value("SELECT to_regclass('pgq.' || %s) IS NOT NULL", name))


async def drop_old(db: Database, on: Connection | None = None) -> None:
    """What a ticker does every ten minutes."""
    ticker = Ticker(db.conninfo, A, duties(lease=60, kind_grace=86_400), retention=7 * 86_400)
    await ticker.drop_old_partitions(on or db.connection)


async def finishes(db: Database) -> None:
    """A completion, a retry and a burial go through without waiting for anybody."""
    session = await db.another(lock_timeout="2s")
    await session.execute("SET statement_timeout = '10s'")
    for outcome in (None, retry_later(3_600), BuryNow(FAILED)):
        claimed = await db.running()
        assert await (db.ends(claimed, outcome, on=session) if outcome else db.ends(claimed, on=session))


async def test_a_week_and_more_lies_ahead_after_the_migration(db: Database) -> None:
    for parent in PARENTS:
        assert await days(db, parent) == list(range(-1, 9))


@pytest.mark.parametrize("parent", PARENTS)
async def test_a_missing_partition_is_made_again_and_the_others_are_left_alone(db: Database, parent: str) -> None:
    await db.drop_partition(parent, days_ahead=0)
    await db.drop_partition(parent, days_ahead=4)

    assert await duties_db.make_partitions(db.connection) == 2
    assert await duties_db.make_partitions(db.connection) == 0

    for each in PARENTS:
        assert await days(db, each) == list(range(-1, 9))
    await finishes(db)


async def test_a_new_partition_has_all_that_its_parent_has(db: Database) -> None:
    await db.drop_partition("task_history", days_ahead=4)
    await duties_db.make_partitions(db.connection)

    shapes = await db.rows(
        "SELECT array_agg(conname::text ~ 'history_state' ORDER BY conname) FILTER (WHERE contype = 'c') AS checks, "
        "count(*) FILTER (WHERE contype = 'p') AS keys FROM pg_constraint JOIN pg_inherits ON inhrelid = conrelid "
        "WHERE inhparent = 'pgq.task_history'::regclass GROUP BY conrelid"
    )
    assert len(shapes) == 10
    assert all(shape == {"checks": [True], "keys": 1} for shape in shapes)


async def test_two_processes_that_make_partitions_at_once_make_them_once(db: Database) -> None:
    await db.drop_partition("attempts", days_ahead=4)
    one, two = await db.another(autocommit=False), await db.another()
    assert await duties_db.make_partitions(one) == 1

    second = asyncio.create_task(duties_db.make_partitions(two))
    await db.until_waiting(two)
    await one.commit()

    assert await second == 0


async def test_partitions_past_the_retention_are_dropped_and_the_others_kept(db: Database) -> None:
    for parent in PARENTS:
        await old_partition(db, parent, 30)
        await old_partition(db, parent, 9)
        await old_partition(db, parent, 6)

    await drop_old(db)

    for parent in PARENTS:
        assert await days(db, parent) == [-6, *range(-1, 9)]


async def test_an_idle_reader_delays_neither_completions_nor_the_drop(db: Database) -> None:
    name = await old_partition(db)
    reader = await db.another()
    await db.rows("SELECT count(*) FROM pgq.task_history", on=reader)

    await drop_old(db)

    assert not await exists(db, name)
    await finishes(db)


async def reading(db: Database) -> Connection:
    """A session that has read the history and stays in its transaction."""
    reader = await db.another(autocommit=False)
    await db.rows("SELECT count(*) FROM pgq.task_history", on=reader)
    return reader


async def test_a_reader_in_a_transaction_stalls_no_completion_and_the_drop_is_finished_later(db: Database) -> None:
    name = await old_partition(db)
    reader = await reading(db)
    dropper = await db.another()

    dropping = asyncio.create_task(drop_old(db, on=dropper))
    await db.until_waiting(dropper)
    await finishes(db)  # while the drop waits for the reader
    await dropping  # it gave up after its lock_timeout

    assert await exists(db, name)
    assert [found.half_detached for found in await duties_db.old_partitions(db.connection, 7 * 86_400)] == [True]
    await finishes(db)
    await reader.rollback()
    await drop_old(db)
    assert not await exists(db, name)
    assert await duties_db.old_partitions(db.connection, 7 * 86_400) == []


async def test_a_partition_that_was_detached_but_not_dropped_is_dropped(db: Database) -> None:
    name = await old_partition(db)
    await db.run(f"ALTER TABLE pgq.task_history DETACH PARTITION pgq.{name}")

    await drop_old(db)

    assert not await exists(db, name)


async def test_several_partitions_behind_one_reader_are_all_put_off_and_all_dropped_later(
    db: Database,
) -> None:
    names = [await old_partition(db, days_ago=days_ago) for days_ago in (30, 29)]
    reader = await reading(db)

    await drop_old(db)

    assert [await exists(db, name) for name in names] == [True, True]
    await finishes(db)
    await reader.rollback()
    await drop_old(db)
    assert [await exists(db, name) for name in names] == [False, False]


async def test_the_session_is_patient_again_after_a_drop(db: Database) -> None:
    await old_partition(db)
    before = await db.value("SHOW lock_timeout")

    await drop_old(db)

    assert await db.value("SHOW lock_timeout") == before


async def test_who_does_not_own_the_tables_drops_nothing_and_says_so(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    name = await old_partition(db)
    session = await db.another()
    await session.execute("SET ROLE pgq_worker")

    await drop_old(db, on=session)

    assert await exists(db, name)
    assert f"pgq.{name} is past its retention; only its owner can drop it" in caplog.text


async def test_tables_of_others_are_not_taken_for_partitions(db: Database) -> None:
    for name in ("task_history_20200101_backup", "my_attempts_20200101", "attempts_2020"):
        await db.run(f"CREATE TABLE pgq.{name} ()")

    assert await duties_db.old_partitions(db.connection, 7 * 86_400) == []
