"""The duties of maintenance: each does its work, all of it, once a period in the whole cluster, and nothing else."""

import logging
from typing import Any
from uuid import UUID

import pytest

from pgq.db import duties as duties_db
from pgq.maintenance.duties import duties
from pgq.maintenance.ticker import Ticker
from tests.verbs import A, B, Database, retry_later


async def lost(db: Database, **fields: Any) -> UUID:
    """A task whose worker is gone."""
    claimed = await db.running(**fields)
    await db.expire_lease(claimed.id)
    return claimed.id


# What the reaper does

BACKOFF = """
    SELECT extract(epoch FROM t.run_at - a.failed_at)::float8 AS whole,
           extract(epoch FROM t.run_at - clock_timestamp())::float8 AS to_go
    FROM   pgq.tasks AS t JOIN pgq.attempts AS a ON a.task_id = t.id WHERE t.id = %s"""
"""Seconds from the failure on, however long ago that is by now; and what is left of them."""


async def test_an_attempt_whose_lease_ran_out_is_followed_by_another_with_backoff(db: Database) -> None:
    task = await lost(db)

    assert await db.reap() == 1

    row = await db.task(task)
    assert (row["state"], row["attempt"], row["worker_id"], row["lease_expires_at"]) == ("retrying", 1, None, None)
    assert row["error"]["type"] == "LeaseExpired"
    assert await db.attempts(task) == ["LeaseExpired"]
    [waits] = await db.rows(BACKOFF, task)
    whole, left = waits.values()
    assert whole > 1.5
    assert left <= 2.4


async def test_the_last_attempt_buries_the_task(db: Database) -> None:
    task = await lost(db, max_attempts=1)

    assert await db.reap() == 1

    assert await db.state(task) == "dead"
    assert await db.attempts(task) == ["LeaseExpired"]


@pytest.mark.parametrize("max_attempts", [1, 4])
async def test_a_task_whose_cancellation_was_asked_for_ends_as_cancelled(db: Database, max_attempts: int) -> None:
    task = await lost(db, max_attempts=max_attempts)
    await db.cancel(task)

    assert await db.reap() == 1

    assert await db.state(task) == "cancelled"


async def test_an_attempt_past_its_deadline_is_said_to_have_timed_out(db: Database) -> None:
    task = await lost(db)
    await db.run("UPDATE pgq.tasks SET deadline_at = clock_timestamp() - interval '1 s' WHERE id = %s", task)

    await db.reap()

    assert await db.attempts(task) == ["TimedOut"]


async def test_a_lease_that_has_not_run_out_is_left_alone(db: Database) -> None:
    claimed = await db.running()
    await db.submit()

    assert await db.reap() == 0

    assert await db.ends(claimed)


async def test_the_backoff_of_the_thousandth_attempt_is_an_hour(db: Database) -> None:
    task = await lost(db, max_attempts=1000)
    await db.run("UPDATE pgq.tasks SET attempt = 999")

    await db.reap()

    [waits] = await db.rows(BACKOFF, task)
    whole, left = waits.values()
    assert whole > 2_879
    assert left <= 4_320


# One bad row


async def poison(db: Database, table: str, task: UUID) -> None:
    """No row of this task can be written to `table`."""
    column = "task_id" if table == "attempts" else "id"
    await db.run(f"ALTER TABLE pgq.{table} ADD CONSTRAINT poison CHECK ({column} <> '{task}')")


@pytest.mark.parametrize(("table", "max_attempts"), [("attempts", 4), ("dead_tasks", 1)])
async def test_one_row_that_cannot_be_reaped_stops_no_other(
    db: Database, caplog: pytest.LogCaptureFixture, table: str, max_attempts: int
) -> None:
    first, bad, last = [await lost(db, max_attempts=max_attempts) for _ in range(3)]
    await poison(db, table, bad)

    with caplog.at_level(logging.INFO):
        await ticker(db).tick(db.connection)

    assert await db.state(bad) == "running"
    assert {await db.state(first), await db.state(last)} <= {"retrying", "dead"}
    assert f"reaper: task {bad} fails" in caplog.text
    assert "poison" in await db.value("SELECT failure FROM pgq.maintenance_status WHERE duty = 'reaper'")


async def test_a_duty_that_fails_keeps_no_other_from_its_turn(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    late = await db.submit(expires_at="2999-01-01Z")
    await db.run("UPDATE pgq.tasks SET expires_at = clock_timestamp() WHERE id = %s", late)
    await poison(db, "task_history", late)
    gone = await lost(db, max_attempts=1)

    await ticker(db).tick(db.connection)

    assert await db.state(gone) == "dead"
    assert "poison" in await db.value("SELECT failure FROM pgq.maintenance_status WHERE duty = 'expirer'")
    runs = await db.rows("SELECT duty FROM pgq.maintenance_status WHERE runs = 1 ORDER BY duty")
    others = {one.name for one in duties(lease=60, kind_grace=86_400)} - {"expirer"}
    assert {row["duty"] for row in runs} == others


async def test_after_a_failure_the_duty_is_due_again_a_period_later_and_forgets_the_failure_when_it_succeeds(
    db: Database,
) -> None:
    await duties_db.duty_failed(db.connection, "pruner", 60, "no space")
    assert await db.value("SELECT failure FROM pgq.maintenance WHERE duty = 'pruner'") == "no space"
    assert "pruner" not in await duties_db.due_duties(db.connection, ["pruner"])

    await db.tick("pruner")

    assert await db.value("SELECT failure FROM pgq.maintenance WHERE duty = 'pruner'") is None


def ticker(db: Database) -> Ticker:
    return Ticker(db.conninfo, A, duties(lease=60, kind_grace=86_400), retention=7 * 86_400)


# The expirer, the pruner and the undertaker


async def test_what_was_not_started_in_time_expires(db: Database) -> None:
    late, later, retried = [await db.submit(expires_at="2999-01-01Z", priority=p) for p in (0, 0, 9)]
    assert await db.ends(await db.claim_one(), retry_later(3_600))
    running = await db.running(expires_at="2999-01-01Z", priority=9)
    for task in (late, retried, running.id):
        await db.run("UPDATE pgq.tasks SET expires_at = clock_timestamp() WHERE id = %s", task)
    assert [one.id for one in await db.claim(B)] == [later]

    assert await db.tick("expirer") == 2

    assert {await db.state(task) for task in (late, retried)} == {"expired"}
    assert await db.ends(running)  # it was started in time


async def test_keys_are_forgotten_when_their_window_is_over_and_their_task_has_ended(db: Database) -> None:
    for key in ("ended", "lives", "window"):
        await db.submit(key=key, kind="echo" if key != "lives" else "slow")
    for claimed in await db.claim(room=10):
        assert await db.ends(claimed)
    await db.run("UPDATE pgq.idempotency_keys SET expires_at = clock_timestamp() WHERE key <> 'window'")

    assert await db.tick("pruner") == 1

    assert await db.value("SELECT array_agg(key ORDER BY key) FROM pgq.idempotency_keys") == ["lives", "window"]


async def test_silent_workers_are_woken_no_more_and_later_forgotten(db: Database) -> None:
    for number, silence in enumerate(("0 s", "2 min", "2 h")):
        await worker(db, UUID(int=number + 1), beat=silence)
        await db.run("INSERT INTO pgq.waiting_workers VALUES (%s, '{default}')", UUID(int=number + 1))

    assert await db.tick("pruner") == 2

    assert await db.value("SELECT count(*) FROM pgq.workers") == 2
    assert await db.value("SELECT array_agg(worker_id) FROM pgq.waiting_workers") == [UUID(int=1)]


async def worker(db: Database, id: UUID, kind: str = "echo", beat: str = "0 s") -> None:
    await db.run(
        "INSERT INTO pgq.workers (id, name, hostname, pid, version, queues, kinds, capacity, beat_at) "
        "VALUES (%s, 'w', 'h', 1, '0', '{default}', %s, 1, clock_timestamp() - %s::interval)",
        id,
        [kind],
        beat,
    )


async def age(db: Database, task: UUID, by: str) -> UUID:
    await db.run(
        "UPDATE pgq.tasks SET created_at = created_at - %s::interval, run_at = run_at - %s::interval WHERE id = %s",
        by,
        by,
        task,
    )
    return task


async def test_a_kind_that_nobody_has_is_buried_only_after_the_grace_time(db: Database) -> None:
    for kind, ago in (("seen", "1 h"), ("gone", "2 days")):
        await db.run("INSERT INTO pgq.kinds (kind, seen_at) VALUES (%s, now() - %s::interval)", kind, ago)
    await worker(db, A, "served")
    await worker(db, B, "silent", beat="1 min")
    old = {kind: await age(db, await db.submit(kind), "25 h") for kind in ("never", "seen", "gone", "served", "silent")}
    young = await age(db, await db.submit("never"), "23 h")
    scheduled = await age(db, await db.submit("never", delay="2 days"), "25 h")

    assert await db.tick("undertaker") == 3

    states = {kind: await db.state(task) for kind, task in old.items()}
    assert states == {"never": "dead", "gone": "dead", "silent": "dead", "seen": "pending", "served": "pending"}
    assert await db.state(young) == "pending"
    assert await db.state(scheduled) == "scheduled"
    error = (await db.task(old["never"]))["error"]
    assert error["type"] == "UnknownKind"
    assert "kind never" in error["message"]
    assert "redrive" in error["message"]
