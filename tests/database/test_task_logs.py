"""Progress and log lines in the database: fenced, in order, carried along, and never in anybody's way."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from pgq.db import remote
from pgq.db import task_logs as reports
from pgq.db.task_logs import BEGINNING, KeptProgress, task_logs
from pgq.values.outcome import BuryNow
from pgq.values.report import LogLine, Said
from pgq.values.task import Claimed, Lease
from tests.plans.plan import explain
from tests.verbs import CANCELLED, DONE, FAILED, A, B, Connection, Database, retry_later, snooze

HALF = Said(0.5, "half way")


async def say(
    db: Database, claimed: Claimed, said: Said = HALF, worker: UUID = A, on: Connection | None = None
) -> KeptProgress:
    """An attempt's progress is written; whether it was."""
    (answer,) = await reports.keep_progress(on or db.connection, worker, {claimed.lease: said})
    return answer


async def progress(db: Database, task: UUID) -> Any:
    return (await db.task(task))["progress"]


def lines(claimed: Claimed, *numbers: int) -> list[LogLine]:
    return [LogLine(claimed.lease, claimed.attempt, n, 0.0, "info", "a", f"line {n}") for n in numbers]


async def write(db: Database, some: list[LogLine], moment: datetime | None = None) -> None:
    now = moment or await reports.server_time(db.connection)
    await reports.keep_lines(db.connection, some, [now] * len(some))


def read(db: Database, task: UUID, after: tuple[int, int] = BEGINNING, limit: int = 500) -> list[str]:
    with psycopg.connect(db.conninfo, autocommit=True) as connection:
        return [entry.message for entry in task_logs(connection, task, after, limit)]


async def test_progress_is_shown_with_the_databases_time(db: Database) -> None:
    claimed = await db.running()
    assert await progress(db, claimed.id) is None
    before = await reports.server_time(db.connection)

    assert await say(db, claimed) == KeptProgress(claimed.id, held=True, kept=True)

    shown = await progress(db, claimed.id)
    assert (shown["value"], shown["message"]) == (0.5, "half way")
    assert before <= datetime.fromisoformat(shown["at"]) <= datetime.now(UTC) + timedelta(minutes=1)


@pytest.mark.parametrize("stale", ["another worker", "an older epoch", "a task that waits again"])
async def test_progress_without_the_lease_is_not_written(db: Database, stale: str) -> None:
    claimed = await db.running()
    lease, worker = claimed.lease, A
    match stale:
        case "another worker":
            worker = B
        case "an older epoch":
            lease = Lease(claimed.id, claimed.lease_epoch - 1)
        case _:
            assert await db.ends(claimed, retry_later())

    (answer,) = await reports.keep_progress(db.connection, worker, {lease: HALF})

    assert answer == KeptProgress(claimed.id, held=False, kept=False)
    assert await progress(db, claimed.id) is None


async def test_a_task_that_somebody_holds_is_passed_by_and_the_others_are_written(db: Database) -> None:
    one, two = await db.running(), await db.running()
    holder = await db.another(autocommit=False)
    await db.cancel(one.id, on=holder)

    answers = await reports.keep_progress(db.connection, A, {one.lease: HALF, two.lease: HALF})

    assert {answer.id: (answer.held, answer.kept) for answer in answers} == {
        one.id: (True, False),
        two.id: (True, True),
    }
    await holder.rollback()
    assert (await say(db, one)).kept


async def test_two_batches_in_opposite_order_do_not_deadlock(db: Database) -> None:
    claimed = [await db.running() for _ in range(50)]
    sessions = [await db.another() for _ in range(2)]
    for _ in range(5):
        await asyncio.gather(
            reports.keep_progress(sessions[0], A, {one.lease: HALF for one in claimed}),
            reports.keep_progress(sessions[1], A, {one.lease: HALF for one in reversed(claimed)}),
        )
    assert await progress(db, claimed[0].id) is not None


async def test_progress_changes_no_index(db: Database) -> None:
    claimed = [await db.running() for _ in range(5)]

    for n in (1, 2, 3):  # as often as the page has room for, whether or not it can be pruned in between
        async with db.connection.transaction():
            before = await db.updates()
            for one in claimed:
                assert (await say(db, one, Said(n / 3, "resizing"))).kept
            after = await db.updates()
        assert [now - then for now, then in zip(after, before, strict=True)] == [5, 5]


@pytest.mark.parametrize("outcome", [DONE, CANCELLED, BuryNow(FAILED)], ids=["succeeded", "cancelled", "dead"])
async def test_a_task_that_has_ended_keeps_its_last_progress(db: Database, outcome: Any) -> None:
    claimed = await db.running()
    await say(db, claimed)

    assert await db.ends(claimed, outcome)

    assert (await progress(db, claimed.id))["value"] == 0.5


async def test_a_reaped_task_keeps_it_when_it_ends_and_starts_fresh_when_it_does_not(db: Database) -> None:
    told, dying, retried = await db.running(), await db.running(max_attempts=1), await db.running()
    for one in (told, dying, retried):
        await say(db, one)
        await db.expire_lease(one.id)
    await db.cancel(told.id)

    assert await db.reap() == 3

    assert [(await db.state(one.id)) for one in (told, dying, retried)] == ["cancelled", "dead", "retrying"]
    assert (await progress(db, told.id))["value"] == (await progress(db, dying.id))["value"] == 0.5
    assert await progress(db, retried.id) is None


async def test_another_attempt_starts_fresh(db: Database) -> None:
    for outcome in (retry_later(), snooze()):
        claimed = await db.running()
        await say(db, claimed)
        assert await db.ends(claimed, outcome)
        assert await progress(db, claimed.id) is None

    dead = await db.running()
    await say(db, dead)
    assert await db.ends(dead, BuryNow(FAILED))
    await db.redrive(dead.id)
    assert await progress(db, dead.id) is None


async def test_a_retry_that_ends_as_cancelled_keeps_it(db: Database) -> None:
    claimed = await db.running()
    await say(db, claimed)
    await db.cancel(claimed.id)

    assert await db.ends(claimed, retry_later())

    assert await db.state(claimed.id) == "cancelled"
    assert (await progress(db, claimed.id))["value"] == 0.5


async def test_whatever_has_progress_while_it_waits_takes_it_along(db: Database) -> None:
    cancelled, expired = await db.submit(), await db.submit(expires_at="2999-01-01Z")
    await db.run("UPDATE pgq.tasks SET progress = '{\"value\": 1}'")
    await db.run("UPDATE pgq.tasks SET expires_at = clock_timestamp() WHERE id = %s", expired)

    await db.cancel(cancelled)
    await db.tick("expirer")

    for task in (cancelled, expired):
        assert await progress(db, task) == {"value": 1}


async def test_a_log_reads_in_the_order_of_attempts_and_lines_page_by_page(db: Database) -> None:
    first = await db.running()
    await write(db, lines(first, 3, 1, 2))
    assert await db.ends(first, retry_later())
    second = await db.claim_one()
    await write(db, lines(second, 2, 1))
    other = await db.running()
    await write(db, lines(other, 1))

    whole = [f"line {n}" for n in (1, 2, 3, 1, 2)]
    assert read(db, first.id) == whole
    assert read(db, first.id, limit=2) == whole[:2]
    assert read(db, first.id, after=(first.lease_epoch, 2), limit=2) == whole[2:4]
    assert read(db, first.id, after=(second.lease_epoch, 2)) == []


async def test_the_same_lines_again_change_nothing(db: Database) -> None:
    claimed = await db.running()
    moment = await reports.server_time(db.connection)
    await write(db, lines(claimed, 1, 2), moment)

    await write(db, lines(claimed, 1, 2, 3), moment)

    assert read(db, claimed.id) == ["line 1", "line 2", "line 3"]


async def test_reading_a_log_looks_at_no_other_tasks_lines(db: Database) -> None:
    await db.run(
        "INSERT INTO pgq.task_logs (task_id, lease_epoch, attempt, n, level, logger, message)"
        " SELECT pgq.uuid7(), 1, 1, n, 'info', 'a', 'line' FROM generate_series(1, 20000) AS n"
    )
    await db.run("ANALYZE pgq.task_logs")
    claimed = await db.running()
    await write(db, lines(claimed, *range(1, 101)))

    plan = await explain(db, "task_logs", {"id": claimed.id, "epoch": 0, "n": 0, "limit": 10})

    tables = {str(node["Relation Name"]) for node in plan.nodes() if "Relation Name" in node}
    assert sum(plan.rows_read(table) for table in tables) <= 100 + len(tables)


async def test_workers_and_admins_read_and_write_logs_and_nobody_else_does(db: Database) -> None:
    claimed = await db.running()
    for role, may_read, may_write in (
        ("pgq_viewer", False, False),
        ("pgq_worker", True, True),
        ("pgq_admin", True, True),
        ("pgq_submitter", False, False),
    ):
        session = await db.another()
        await session.execute(f"SET ROLE {role}".encode())
        now = await reports.server_time(db.connection)
        for allowed, doing in (
            (may_read, lambda session=session: db.rows("SELECT * FROM pgq.task_logs", on=session)),
            (may_write, lambda session=session, now=now: reports.keep_lines(session, lines(claimed, 1), [now])),
        ):
            if allowed:
                await doing()
            else:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    await doing()


async def test_a_heartbeat_sent_twice_at_the_same_moment_doubles_no_line(db: Database) -> None:
    claimed = await db.running()
    said = [remote.Line(claimed.lease, n, "info", "a", f"line {n}") for n in (1, 2)]
    first, second = await db.another(autocommit=False), await db.another()
    await remote.add_lines(first, A, said)  # not committed: nobody sees it

    again = asyncio.create_task(remote.add_lines(second, A, said))
    await db.until_waiting(second)
    await first.commit()
    await again

    assert read(db, claimed.id) == ["line 1", "line 2"]


async def test_heartbeats_of_two_workers_do_not_wait_for_one_another(db: Database) -> None:
    one, two = await db.running(A), await db.running(B)
    holder = await db.another(autocommit=False)
    await remote.add_lines(holder, A, [remote.Line(one.lease, 1, "info", "a", "of A")])

    await remote.add_lines(db.connection, B, [remote.Line(two.lease, 1, "info", "a", "of B")])

    assert read(db, two.id) == ["of B"]
    await holder.rollback()
