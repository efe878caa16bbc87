"""One task per tick: with two schedulers, a client that vanishes, a row that changes, a clock that jumps."""

import asyncio
import logging
from functools import partial

import pytest

from pgq.db.duties import make_due as make_duty_due
from pgq.maintenance.duties import duties
from pgq.maintenance.ticker import Ticker
from tests.frozen_client import wired
from tests.schedules import make, make_due, row, ticks
from tests.tasks import tasks_of
from tests.until import until
from tests.verbs import A, B, Database, duty, send, take_turn

SCHEDULER = duty("scheduler")


async def test_of_two_schedulers_that_have_read_the_same_one_fires(db: Database) -> None:
    await make(db, misfire="all", due="2020-01-01Z")
    await make(db, "other", due=1)
    one, two = await db.another(), await db.another()
    first, second = await SCHEDULER.work(one), await SCHEDULER.work(two)

    fired, _ = await send(one, SCHEDULER, first, A)
    await make_duty_due(db.connection, "scheduler")
    again, _ = await send(two, SCHEDULER, second, B)

    assert fired > 1
    assert again == 0
    assert len(await ticks(db)) + len(await ticks(db, "other")) == fired


async def test_what_was_read_before_another_fired_moves_no_schedule_back(db: Database) -> None:
    await make(db, due=1)
    slow = await SCHEDULER.work(db.connection)
    await db.tick("scheduler")
    await make_due(db, "s", "2998-01-01Z")
    before = await row(db)
    await make_duty_due(db.connection, "scheduler")

    await send(db.connection, SCHEDULER, slow, B)

    assert await row(db) == before


async def test_of_two_that_send_at_once_the_second_does_not_wait_for_the_first(db: Database) -> None:
    await make(db, due=1)
    one, two = await db.another(autocommit=False), await db.another()
    second = await SCHEDULER.work(two)
    assert (await take_turn(one, SCHEDULER, A))[0] == 1

    assert (await send(two, SCHEDULER, second, B))[0] == 0
    await one.rollback()
    assert (await send(two, SCHEDULER, second, B))[0] == 1

    assert len(await ticks(db)) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE pgq.schedules SET cron = '0 0 1 6 *'",
        "UPDATE pgq.schedules SET timezone = 'Asia/Tokyo'",
        "UPDATE pgq.schedules SET paused_at = now()",
        "DELETE FROM pgq.schedules",
    ],
)
async def test_what_changed_since_it_was_read_does_not_fire(db: Database, change: str) -> None:
    await make(db, due=1)
    work = await SCHEDULER.work(db.connection)
    await db.run(change)

    assert (await send(db.connection, SCHEDULER, work))[0] == 0

    assert await ticks(db) == []


async def test_a_first_tick_that_was_computed_for_another_cron_is_not_written(db: Database) -> None:
    await make(db, cron="0 0 1 6 *")
    work = await SCHEDULER.work(db.connection)
    await db.run("UPDATE pgq.schedules SET cron = '* * * * *'")
    await send(db.connection, SCHEDULER, work)
    assert (await row(db))["next_tick_at"] is None


async def test_a_schedule_that_somebody_holds_is_passed_by_and_fires_at_the_next_turn(db: Database) -> None:
    for name in ("held", "free"):
        await make(db, name, due=1)
    holder = await db.another(autocommit=False)
    await holder.execute("UPDATE pgq.schedules SET priority = 9 WHERE name = 'held'")

    assert await db.tick("scheduler") == 1
    assert (len(await ticks(db, "held")), len(await ticks(db, "free"))) == (0, 1)

    await holder.commit()
    assert await db.tick("scheduler") == 1
    assert await db.rows("SELECT priority FROM pgq.tasks ORDER BY priority") == [{"priority": 5}, {"priority": 9}]


async def test_a_client_that_vanishes_at_any_point_leaves_every_tick_with_one_task(db: Database) -> None:
    """What kill -9 between any two statements does: the connection ends, and what the server has been sent is all."""
    await make(db)
    fired, finished = 0, False
    with tasks_of(db.conninfo) as watching:
        while not finished:
            await make_due(db, "s", 1)
            await make_duty_due(db.connection, "scheduler")
            doomed = await db.another()
            backend = doomed.info.backend_pid
            ticker = Ticker(db.conninfo, B, [SCHEDULER], retention=7 * 86_400)
            ticker.partitions_due_at = float("inf")
            ticking = asyncio.ensure_future(ticker.tick(doomed))
            for _ in range(fired):
                await asyncio.sleep(0)
                until(partial(watching.value, IDLE, backend), "the server to do what it was sent")
            finished = ticking.done()
            doomed.pgconn.finish()
            ticking.cancel()
            await asyncio.wait([ticking])
            until(partial(watching.value, GONE, backend), "the connection to end")
            await db.tick("scheduler")
            fired += 1
            assert len(await ticks(db)) == fired
    assert fired > 10


IDLE = "SELECT state = 'idle' FROM pg_stat_activity WHERE pid = %s"
GONE = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)"


async def test_a_scheduler_that_hears_nothing_after_it_has_sent_holds_nothing(db: Database) -> None:
    await make(db, due=1)
    async with wired(db.connection) as (wire, frozen):
        work = await SCHEDULER.work(frozen)
        wire.cut()
        sent = asyncio.create_task(send(frozen, SCHEDULER, work, B))
        async with asyncio.timeout(60):
            while not await ticks(db):
                pass
        await make_due(db, "s", 1)
        assert await db.tick("scheduler") == 1
        wire.mend()
        assert (await sent)[0] == 1
    assert len(await ticks(db)) == 2


async def test_a_clock_that_is_put_back_fires_no_tick_again(db: Database) -> None:
    await make(db, misfire="all")
    tick = await make_due(db, "s", 1)
    await db.tick("scheduler")
    # The clock is put back by an hour: all that the row knows lies an hour ahead.
    await db.run("UPDATE pgq.schedules SET next_tick_at = now() + interval '1 h', due_at = now() + interval '1 h'")
    assert await db.tick("scheduler") == 0
    # And it is changed there, so that it begins anew, before a tick that it has fired already.
    await make_due(db, "s", tick)
    assert await db.tick("scheduler") == 0
    assert await ticks(db) == [tick]
    assert await db.value("SELECT next_tick_at > clock_timestamp() FROM pgq.schedules")


async def test_a_clock_that_is_put_right_leaves_no_schedule_waiting_for_when_it_was_wrong(db: Database) -> None:
    """It was years ahead, and a scheduler went along."""
    await make(db, "waits", due="2998-01-01Z")
    await make(db, "held back", jitter_seconds=86_400, due=5)
    await db.run("UPDATE pgq.schedules SET due_at = now() + interval '1 h' WHERE name = 'held back'")
    await make(db, "is due", due=2)
    before = await row(db, "held back")
    await db.run("UPDATE pgq.maintenance SET last_started_at = '2998-01-01Z', next_due_at = '2998-01-01Z'")

    assert (await take_turn(db.connection, SCHEDULER))[0] == 1

    assert len(await ticks(db, "is due")) == 1
    assert await db.value("SELECT next_tick_at < now() + interval '1 year' FROM pgq.schedules WHERE name = 'waits'")
    assert await row(db, "held back") == before


async def test_a_clock_that_is_put_forward_misses_what_it_jumps_over(db: Database) -> None:
    for misfire in ("skip", "once", "all"):
        await make(db, misfire, "0 * * * *", misfire=misfire, due=3 * 86_400 + 1)
    await db.tick("scheduler")
    found = {misfire: len(await ticks(db, misfire)) for misfire in ("skip", "once", "all")}
    # The newest may be on time: in the first minute of an hour.
    assert found["skip"] in (0, 1)
    assert found["once"] == 1 + found["skip"]
    assert found["all"] in (73, 74)


async def test_of_a_thousand_that_are_due_one_that_fails_is_named_and_the_others_fire(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await db.run(
        "INSERT INTO pgq.schedules (name, cron, kind)"
        " SELECT 'n' || n, '@yearly', 'echo' FROM generate_series(1, 999) AS n"
    )
    await make(db, "bad", kind="loud")
    await db.run("UPDATE pgq.schedules SET next_tick_at = now() - interval '1 s', due_at = now() - interval '1 s'")
    await db.run("ALTER TABLE pgq.tasks ADD CONSTRAINT poison CHECK (kind <> 'loud')")
    ticker = Ticker(db.conninfo, A, duties(lease=60, kind_grace=86_400), retention=7 * 86_400)

    with caplog.at_level(logging.ERROR):
        await ticker.tick(db.connection)

    assert await db.value("SELECT count(*) FROM pgq.tasks") == 999
    assert "poison" in (await row(db, "bad"))["error"]
    assert "scheduler: schedule bad fails" in caplog.text
    assert "poison" in await db.value("SELECT failure FROM pgq.maintenance_status WHERE duty = 'scheduler'")
