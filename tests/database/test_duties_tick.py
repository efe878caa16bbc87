"""A tick is one transaction in one round trip, so that a process that freezes in the middle of it holds nothing."""

import asyncio
import logging

import psycopg
import pytest

from pgq.db import duties as duties_db
from pgq.maintenance.duties import duties
from pgq.maintenance.ticker import Ticker
from tests.frozen_client import wired
from tests.verbs import A, B, Connection, Database, duty, take_turn


async def lost(db: Database) -> None:
    claimed = await db.running()
    await db.expire_lease(claimed.id)


@pytest.mark.parametrize("earlier_ticks", [0, 7], ids=["first tick", "with prepared statements"])
async def test_a_client_that_hears_nothing_after_its_tick_began_holds_nothing(db: Database, earlier_ticks: int) -> None:
    await lost(db)
    async with wired(db.connection) as (wire, frozen):
        for _ in range(earlier_ticks):
            assert await db.tick("reaper", on=frozen) <= 1
        await lost(db)
        await duties_db.make_due(db.connection, "reaper")
        runs = await db.value("SELECT runs FROM pgq.maintenance WHERE duty = 'reaper'")

        wire.cut()
        tick = asyncio.create_task(take_turn(frozen, duty("reaper"), B))
        await until_run(db, "reaper", runs + 1)  # the server has all that it needs to commit; else this never comes

        assert await db.value("SELECT last_run_by FROM pgq.maintenance WHERE duty = 'reaper'") == B
        assert await db.reap() == 0  # nothing was left to do, and nothing was in the way of another's turn
        assert await state_of(db, frozen) == "idle"
        wire.mend()
        assert (await tick)[0] >= 1


async def until_run(db: Database, name: str, times: int) -> None:
    async with asyncio.timeout(30):
        while await db.value("SELECT runs FROM pgq.maintenance WHERE duty = %s", name) < times:
            pass


async def state_of(db: Database, session: Connection) -> str:
    return str(await db.value("SELECT state FROM pg_stat_activity WHERE pid = %s", session.info.backend_pid))


async def test_a_tick_that_fails_leaves_nothing_and_the_session_goes_on(db: Database) -> None:
    await lost(db)
    await db.run("ALTER TABLE pgq.attempts ADD CONSTRAINT poison CHECK (attempt > 5)")
    session = await db.another()

    with pytest.raises(psycopg.errors.CheckViolation):
        await db.tick("reaper", on=session)

    assert await state_of(db, session) == "idle"
    assert await db.value("SELECT runs FROM pgq.maintenance WHERE duty = 'reaper'") == 0
    await db.run("ALTER TABLE pgq.attempts DROP CONSTRAINT poison")
    assert await db.tick("reaper", on=session) == 1


async def test_the_turn_ends_with_its_transaction(db: Database) -> None:
    await lost(db)
    assert await db.tick("pruner") == 0
    await db.tick("reaper")

    assert await db.value("SELECT current_setting('pgq.turn', true)") == ""


async def test_a_duty_that_waits_for_a_lock_in_vain_keeps_no_other_from_its_turn(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await db.drop_partition("attempts", days_ahead=5)
    await lost(db)
    ticker = Ticker(db.conninfo, A, duties(lease=60, kind_grace=86_400), retention=7 * 86_400)
    for name in ("partitioner", "reaper"):  # in this order: the rows lie in the order of their last change
        await duties_db.make_due(db.connection, name)
    blocker = await db.another(autocommit=False)
    await blocker.execute("LOCK TABLE pgq.attempts IN SHARE UPDATE EXCLUSIVE MODE")

    with caplog.at_level(logging.ERROR):
        await ticker.tick(db.connection)

    assert await db.value("SELECT runs FROM pgq.maintenance WHERE duty = 'reaper'") == 1
    assert "partitioner failed" in caplog.text
