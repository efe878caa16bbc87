"""pgq.cancel(), pgq.redrive() and pgq.retry(): what becomes of a task in each state."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from pgq.values.outcome import BuryNow, Outcome
from tests.verbs import CANCELLED, FAILED, A, Database, retry_later

NOBODY = UUID(int=99)
Verb = Callable[[Database, UUID], Coroutine[Any, Any, object]]


async def task_in(db: Database, state: str) -> UUID:
    if state in ("pending", "scheduled", "expired"):
        task = await db.submit(delay=timedelta(hours=1) if state == "scheduled" else None, expires_at="2999-01-01Z")
        if state == "expired":
            await db.run("UPDATE pgq.tasks SET expires_at = clock_timestamp() - interval '1 s'")
            assert await db.tick("expirer") == 1
        return task
    claimed = await db.running(tags=["a"], headers={"h": 1}, priority=7, expires_at="2999-01-01Z")
    if state == "running":
        return claimed.id
    outcomes: dict[str, Outcome] = {"retrying": retry_later(3_600), "cancelled": CANCELLED, "dead": BuryNow(FAILED)}
    assert await (db.ends(claimed, outcomes[state]) if state in outcomes else db.ends(claimed))
    assert await db.state(claimed.id) == state
    return claimed.id


async def refused(verb: Verb, db: Database, task: UUID) -> tuple[str | None, str]:
    """The SQLSTATE, and the state that the refusal names."""
    with pytest.raises(psycopg.Error) as refusal:
        await verb(db, task)
    assert str(task) in str(refusal.value)
    return refusal.value.sqlstate, json.loads(refusal.value.diag.message_detail or "{}").get("state", "")


@pytest.mark.parametrize("state", ["pending", "scheduled", "retrying"])
async def test_a_task_that_waits_is_cancelled_at_once(db: Database, state: str) -> None:
    task = await task_in(db, state)
    before = await db.task(task)

    assert await db.cancel(task) == "cancelled"

    after = await db.task(task)
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {"state", "finished_at", "cancel_requested_at"}
    assert after["state"] == "cancelled"
    assert await db.claim() == []


async def test_a_task_that_runs_is_told_and_told_once(db: Database) -> None:
    listener = await db.another()
    await listener.execute("LISTEN pgq_cancel")
    claimed = await db.running()

    assert await db.cancel(claimed.id) == "requested"
    asked_at = (await db.task(claimed.id))["cancel_requested_at"]
    assert await db.cancel(claimed.id) == "requested"

    assert await db.state(claimed.id) == "running"
    assert (await db.task(claimed.id))["cancel_requested_at"] == asked_at
    async for notification in listener.notifies(timeout=30, stop_after=1):
        assert notification.payload == str(claimed.id)


@pytest.mark.parametrize("state", ["succeeded", "cancelled", "expired", "dead"])
async def test_what_has_ended_cannot_be_cancelled(db: Database, state: str) -> None:
    assert await refused(Database.cancel, db, await task_in(db, state)) == ("PQ006", state)


@pytest.mark.parametrize("verb", [Database.cancel, Database.redrive, Database.retry])
async def test_an_id_that_nobody_knows_is_said_to_be_unknown(db: Database, verb: Verb) -> None:
    assert await refused(verb, db, NOBODY) == ("PQ007", "")


async def test_a_dead_letter_comes_back_with_all_its_attempts_and_its_error(db: Database) -> None:
    task = await task_in(db, "dead")
    before = await db.task(task)

    assert await db.redrive(task) == task

    after = await db.task(task)
    assert (after["state"], after["attempt"], after["started_at"], after["finished_at"]) == ("pending", 0, None, None)
    assert after["expires_at"] is None  # the time to start was over, or never came: it is asked for anew
    for kept in ("kind", "queue", "payload", "priority", "max_attempts", "created_at", "tags", "headers", "error"):
        assert after[kept] == before[kept]
    assert await db.value("SELECT count(*) FROM pgq.dead_tasks") == 0


async def test_no_lease_from_before_the_redrive_fits_afterwards(db: Database) -> None:
    buried = await db.running()
    assert await db.ends(buried, BuryNow(FAILED))
    await db.redrive(buried.id)
    again = await db.claim_one(A)

    assert again.lease_epoch > buried.lease_epoch
    assert not await db.ends(buried)
    assert await db.ends(again)


@pytest.mark.parametrize("state", ["pending", "scheduled", "retrying", "running", "succeeded", "cancelled", "expired"])
async def test_only_dead_letters_are_redriven(db: Database, state: str) -> None:
    assert await refused(Database.redrive, db, await task_in(db, state)) == ("PQ006", state)


async def test_of_two_redrives_one_brings_the_task_back(db: Database) -> None:
    task = await task_in(db, "dead")
    one, two = await db.another(autocommit=False), await db.another()
    await db.value("SELECT pgq.redrive(%s)", task, on=one)

    second = asyncio.create_task(db.value("SELECT pgq.redrive(%s)", task, on=two))
    await db.until_waiting(two)
    await one.commit()

    with pytest.raises(psycopg.Error) as refusal:
        await second
    assert refusal.value.sqlstate == "PQ006"
    assert await db.value("SELECT count(*) FROM pgq.tasks") == 1


@pytest.mark.parametrize("state", ["scheduled", "retrying", "pending"])
async def test_retrying_a_task_that_waits_runs_it_now(db: Database, state: str) -> None:
    task = await task_in(db, state)

    assert await db.retry(task) == task

    assert [one.id for one in await db.claim()] == [task]


async def test_retrying_a_task_that_runs_is_refused(db: Database) -> None:
    task = await task_in(db, "running")

    assert await refused(Database.retry, db, task) == ("PQ006", "running")


@pytest.mark.parametrize("state", ["succeeded", "cancelled", "expired"])
async def test_retrying_an_ended_task_gives_a_new_one_that_names_the_old(db: Database, state: str) -> None:
    old = await task_in(db, state)
    before = await db.task(old)

    new = await db.retry(old)

    assert new != old
    after = await db.task(new)
    assert (after["state"], after["attempt"], after["expires_at"]) == ("pending", 0, None)
    assert after["headers"] == {**before["headers"], "retried_from": str(old)}
    for same in ("kind", "queue", "payload", "priority", "max_attempts", "timeout_seconds", "tags"):
        assert after[same] == before[same]
    assert await db.task(old) == before


async def test_retrying_a_dead_letter_redrives_it(db: Database) -> None:
    task = await task_in(db, "dead")

    assert await db.retry(task) == task
    assert await db.state(task) == "pending"
