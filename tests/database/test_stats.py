"""Every attempt that ends is counted once, in the transaction that ends it, with how long it waited and ran."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from pgq.db import outcomes
from pgq.db.outcomes import Finished, HandBack
from pgq.values.outcome import BuryNow, Outcome
from tests.dependents import child_of
from tests.verbs import CANCELLED, DONE, FAILED, A, B, Database, retry_later, snooze

NOBODY = UUID(int=0)
COUNTS = ("succeeded", "failed", "dead", "cancelled", "expired")


async def counts(db: Database, worker: UUID | None = None) -> dict[str, int]:
    """What is counted, without what is zero."""
    sums = ", ".join(f"coalesce(sum({name}), 0)::int AS {name}" for name in COUNTS)
    [row] = await db.rows(f"SELECT {sums} FROM pgq.task_stats WHERE %s::uuid IS NULL OR worker_id = %s", worker, worker)
    return {name: count for name, count in row.items() if count}


async def counted(db: Database, histogram: str) -> int:
    """How many durations a histogram holds."""
    found: int = await db.value(f"SELECT coalesce(sum(n), 0)::int FROM pgq.task_stats, unnest({histogram}) AS n")
    return found


OUTCOMES: dict[str, tuple[Outcome | HandBack, dict[str, int]]] = {
    "complete": (DONE, {"succeeded": 1}),
    "cancel": (CANCELLED, {"cancelled": 1}),
    "bury": (BuryNow(FAILED), {"dead": 1}),
    "retry": (retry_later(), {"failed": 1}),
    "snooze": (snooze(), {}),
    "hand back": (HandBack(), {}),
}
EACH_OUTCOME = pytest.mark.parametrize(("outcome", "expected"), OUTCOMES.values(), ids=OUTCOMES)


@EACH_OUTCOME
async def test_an_outcome_is_counted_once(db: Database, outcome: Outcome | HandBack, expected: dict[str, int]) -> None:
    claimed = await db.running()

    assert await db.ends(claimed, outcome)
    assert not await db.ends(claimed, outcome)  # as after a COMMIT whose answer was lost

    assert await counts(db) == await counts(db, A) == expected
    attempts = sum(expected.values())
    assert await counted(db, "wait") == await counted(db, "run") == attempts
    assert await counted(db, "total") == attempts - expected.get("failed", 0)


@EACH_OUTCOME
async def test_an_outcome_that_the_fence_refused_is_not_counted(
    db: Database, outcome: Outcome | HandBack, expected: dict[str, int]
) -> None:
    frozen = await db.running(A)
    await db.expire_lease(frozen.id)
    assert await db.reap() == 1
    await db.make_due(frozen.id)
    await db.claim_one(A)

    assert not await db.ends(frozen, outcome, A)

    assert await counts(db, A) == {}
    assert await counts(db) == {"failed": 1}  # by the reaper


async def test_of_a_batch_what_went_through_the_fence_is_counted(db: Database) -> None:
    await db.run("INSERT INTO pgq.tasks (kind) SELECT 'echo' FROM generate_series(1, 6)")
    claimed = await db.claim(room=6)
    for lost in claimed[:2]:
        await db.expire_lease(lost.id)
    await db.reap()

    through = await outcomes.record(db.connection, A, [Finished(one.lease, DONE) for one in claimed])

    assert len(through) == 4
    assert await counts(db) == {"succeeded": 4, "failed": 2}


async def test_a_transaction_that_is_rolled_back_counts_nothing(db: Database) -> None:
    claimed = await db.running()
    session = await db.another(autocommit=False)
    assert await db.ends(claimed, on=session)
    await session.rollback()

    assert await counts(db) == {}
    assert await db.ends(claimed)
    assert await counts(db) == {"succeeded": 1}


@pytest.mark.parametrize(("cancelled", "max_attempts", "expected"), [
    (False, 4, "failed"), (False, 1, "dead"), (True, 4, "cancelled"), (True, 1, "cancelled"),
])  # fmt: skip
async def test_the_reaper_counts_what_it_ends(db: Database, cancelled: bool, max_attempts: int, expected: str) -> None:
    claimed = await db.running(max_attempts=max_attempts)
    if cancelled:
        await db.cancel(claimed.id)
    await db.expire_lease(claimed.id)

    await db.reap()
    await db.reap()

    assert await counts(db) == await counts(db, NOBODY) == {expected: 1}
    assert await counted(db, "run") == 1
    assert await counted(db, "total") == (expected != "failed")


@pytest.mark.parametrize("outcome", [retry_later(), snooze(), HandBack()], ids=["retry", "snooze", "hand back"])
async def test_a_task_that_ends_as_cancelled_instead_of_going_back_is_counted_so(
    db: Database, outcome: Outcome | HandBack
) -> None:
    claimed = await db.running()
    await db.cancel(claimed.id)

    assert await db.ends(claimed, outcome)

    assert await counts(db) == {"cancelled": 1}
    assert await counted(db, "total") == 1


async def test_what_ends_without_an_attempt_is_counted_with_its_total_only(db: Database) -> None:
    late = await db.submit(expires_at="2999-01-01Z")
    await db.run("UPDATE pgq.tasks SET expires_at = clock_timestamp() WHERE id = %s", late)
    await db.submit("unknown")
    await db.run(
        "UPDATE pgq.tasks SET created_at = now() - interval '25 h', run_at = created_at WHERE kind = 'unknown'"
    )
    await db.run("UPDATE pgq.tasks SET run_at = created_at WHERE kind = 'unknown'")

    assert await db.tick("expirer") == 1
    assert await db.tick("undertaker") == 1

    assert await counts(db) == await counts(db, NOBODY) == {"expired": 1, "dead": 1}
    assert (await counted(db, "wait"), await counted(db, "run"), await counted(db, "total")) == (0, 0, 2)
    assert 25 * 3_600 <= await db.value("SELECT sum(total_seconds) FROM pgq.task_stats") < 26 * 3_600


async def durations(db: Database) -> tuple[float, float, float]:
    [row] = await db.rows("SELECT wait_seconds, run_seconds, total_seconds FROM pgq.task_stats")
    return row["wait_seconds"], row["run_seconds"], row["total_seconds"]


async def test_wait_is_from_due_to_start_and_run_to_the_end_and_total_from_the_submit(db: Database) -> None:
    claimed = await db.running()
    await db.run(
        "UPDATE pgq.tasks SET created_at = now() - interval '1000 s', run_at = now() - interval '300 s', "
        "started_at = now() - interval '40 s'"
    )

    assert await db.ends(claimed)

    assert list(await durations(db)) == pytest.approx([260, 40, 1_000], abs=20)
    buckets = "SELECT array_position({0}, 1) - 1 = width_bucket({0}_seconds, pgq.latency_bounds()) FROM pgq.task_stats"
    for name in ("wait", "run", "total"):
        assert await db.value(buckets.format(name)), name


async def test_a_task_that_was_submitted_after_it_was_due_waits_since_its_submit(db: Database) -> None:
    claimed = await db.running()
    await db.run(
        "UPDATE pgq.tasks SET run_at = now() - interval '1 day', created_at = now() - interval '60 s', "
        "started_at = now() - interval '50 s'"
    )

    assert await db.ends(claimed)

    assert (await durations(db))[0] == pytest.approx(10, abs=5)


async def test_a_clock_that_went_back_takes_nothing_away(db: Database) -> None:
    claimed = await db.running()
    await db.run("UPDATE pgq.tasks SET created_at = now() + interval '1 h', started_at = now() + interval '1 h'")

    assert await db.ends(claimed)

    assert await durations(db) == (0, 0, 0)
    assert await db.value("SELECT wait[1] + run[1] + total[1] FROM pgq.task_stats") == 3


async def test_a_batch_of_several_queues_and_kinds_is_counted_by_queue_and_kind(db: Database) -> None:
    for queue, kind, count in (("default", "echo", 3), ("email", "echo", 2), ("email", "resize", 1)):
        for _ in range(count):
            await db.submit(kind, queue=queue)
    claimed = await db.claim(queues=("default", "email"), kinds=("echo", "resize"))

    await outcomes.record(db.connection, A, [Finished(one.lease, DONE) for one in claimed])

    rows = await db.rows("SELECT queue, kind, succeeded FROM pgq.task_stats ORDER BY queue, kind")
    assert [tuple(row.values()) for row in rows] == [
        ("default", "echo", 3),
        ("email", "echo", 2),
        ("email", "resize", 1),
    ]


async def test_two_workers_do_not_wait_for_each_others_rows(db: Database) -> None:
    ours, theirs = await db.running(A), await db.running(B)
    first, second = await db.another(autocommit=False), await db.another(lock_timeout="5s")
    assert await db.ends(ours, worker=A, on=first)

    assert await db.ends(theirs, worker=B, on=second)  # while the first has not committed

    await first.commit()
    rows = await db.rows("SELECT worker_id, succeeded FROM pgq.task_stats ORDER BY worker_id")
    assert [tuple(row.values()) for row in rows] == [(A, 1), (B, 1)]


async def test_the_reaper_waits_for_no_worker_and_no_worker_for_the_reaper(db: Database) -> None:
    lost, live = await db.running(A), await db.running(A)
    await db.expire_lease(lost.id)
    worker, reaper = await db.another(autocommit=False), await db.another(lock_timeout="5s")
    assert await db.ends(live, worker=A, on=worker)

    assert await db.reap(on=reaper) == 1

    await worker.commit()
    assert await counts(db) == {"succeeded": 1, "failed": 1}


async def test_statements_that_write_the_same_rows_do_not_deadlock(db: Database) -> None:
    """One worker's completer and its hand-backs may end tasks of the same kinds at the same moment."""
    kinds = [f"kind-{n}" for n in range(8)]
    sessions = [await db.another() for _ in range(4)]
    for _ in range(5):
        for kind in kinds * len(sessions):
            await db.submit(kind)
        claimed = await db.claim(kinds=kinds)
        await asyncio.gather(*(
            outcomes.record(session, A, [Finished(one.lease, DONE) for one in claimed[n :: len(sessions)]])
            for n, session in enumerate(sessions)
        ))  # fmt: skip

    assert await counts(db) == {"succeeded": 5 * len(kinds) * len(sessions)}
    assert await db.value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0


# The views

COLUMNS = {
    "queue_depth_history": "sampled_at queue pending ready scheduled retrying blocked waiting running dead "
    "oldest_ready_seconds paused",
    "task_throughput": "minute queue kind succeeded failed dead cancelled expired",
    "task_latency": "minute queue wait_p50_seconds wait_p95_seconds wait_p99_seconds run_p50_seconds run_p95_seconds "
    "run_p99_seconds total_p50_seconds total_p95_seconds total_p99_seconds",
    "error_rate": "queue failure_ratio dead_per_hour",
    "queue_depth": "queue pending ready scheduled retrying blocked waiting running dead oldest_ready_seconds paused",
    "task_counts": "queue kind succeeded failed dead cancelled expired wait_seconds run_seconds total_seconds "
    "wait run total",
}


@pytest.mark.parametrize("view", COLUMNS)
async def test_a_view_has_the_columns_that_were_promised(db: Database, view: str) -> None:
    cursor = await db.connection.execute(f"SELECT * FROM pgq.{view}".encode())

    assert [column.name for column in cursor.description or ()] == COLUMNS[view].split()


async def some_of_each(db: Database) -> None:
    for outcome in (DONE, DONE, retry_later(3_600), BuryNow(FAILED)):
        assert await db.ends(await db.running(), outcome)


async def one(db: Database, view: str) -> dict[str, Any]:
    [row] = await db.rows(f"SELECT * FROM pgq.{view}")
    return row


async def test_throughput_includes_the_current_minute(db: Database) -> None:
    await some_of_each(db)
    row = await db.value("SELECT (sum(succeeded), sum(failed), sum(dead))::text FROM pgq.task_throughput")

    assert row == "(2,1,1)"
    assert await db.value("SELECT max(minute) > now() - interval '2 min' FROM pgq.task_throughput")


async def test_the_views_say_the_same_once_the_minute_is_closed(db: Database) -> None:
    await some_of_each(db)
    assert await db.ends(await db.running(B), DONE, B)
    await db.run("UPDATE pgq.task_stats SET minute = minute - interval '10 min'")
    views = ("task_throughput", "task_latency", "error_rate", "task_counts")
    before = [await db.rows(f"SELECT * FROM pgq.{view} ORDER BY 1") for view in views]

    assert await db.tick("accountant") >= 2

    assert [await db.rows(f"SELECT * FROM pgq.{view} ORDER BY 1") for view in views] == before
    assert sum(row["succeeded"] for row in before[0]) == 3


async def test_latency_is_in_seconds(db: Database) -> None:
    claimed = await db.running()
    await db.run(
        "UPDATE pgq.tasks SET created_at = now() - interval '3000 s', run_at = now() - interval '330 s', "
        "started_at = now() - interval '30 s'"
    )
    assert await db.ends(claimed)

    row = await one(db, "task_latency")

    assert 200 <= row["wait_p50_seconds"] <= row["wait_p95_seconds"] <= row["wait_p99_seconds"] <= 500
    assert 20 <= row["run_p50_seconds"] <= 50
    assert 2_000 <= row["total_p99_seconds"] <= 5_000


async def test_the_error_rate_is_of_the_last_hour(db: Database) -> None:
    await some_of_each(db)
    assert await one(db, "error_rate") == {"queue": "default", "failure_ratio": 0.5, "dead_per_hour": 1}

    await db.run("UPDATE pgq.task_stats SET minute = minute - interval '61 min'")
    assert await db.rows("SELECT * FROM pgq.error_rate") == []


async def test_where_nothing_but_cancelled_tasks_ended_nothing_failed(db: Database) -> None:
    assert await db.ends(await db.running(), CANCELLED)

    assert await one(db, "error_rate") == {"queue": "default", "failure_ratio": 0, "dead_per_hour": 0}


async def test_a_task_cancelled_while_it_waits_is_counted_with_its_total_only(db: Database) -> None:
    await db.cancel(await db.submit(delay=timedelta(hours=1)))
    parent = await db.running()
    child = await child_of(db, parent.id, queue="email")
    await child_of(db, child)
    assert await db.ends(parent, BuryNow(FAILED))

    assert await counts(db) == {"cancelled": 3, "dead": 1}
    assert (await counted(db, "wait"), await counted(db, "run"), await counted(db, "total")) == (1, 1, 4)
    assert await db.value("SELECT cancelled::int FROM pgq.task_throughput WHERE queue = 'email'") == 1
    await db.run("UPDATE pgq.task_stats SET minute = minute - interval '10 min'")
    await db.tick("accountant")
    assert await db.value("SELECT sum(cancelled)::int FROM pgq.task_counts") == 3


async def test_who_cancels_in_a_long_transaction_holds_up_nobody_who_counts(db: Database) -> None:
    mine, running = await db.submit(), await db.submit()
    operator, other = await db.another(autocommit=False), await db.another(lock_timeout="5s")
    assert await db.cancel(mine, on=operator) == "cancelled"

    assert await db.cancel(running, on=other) == "cancelled"

    await operator.commit()
    assert await counts(db) == {"cancelled": 2}
