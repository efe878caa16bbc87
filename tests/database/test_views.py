"""The views say what the tables hold: each task once, in exactly one state; queues, workers and duties as they are."""

from datetime import timedelta
from uuid import UUID

import pytest

from pgq.values.outcome import BuryNow
from tests.verbs import CANCELLED, DONE, FAILED, A, B, Database, retry_later


async def worker(db: Database, id: UUID = A, kinds: tuple[str, ...] = ("echo",), beat: str = "0 s") -> None:
    await db.run(
        "INSERT INTO pgq.workers (id, name, hostname, pid, version, queues, kinds, capacity, beat_at) "
        "VALUES (%s, 'w', 'h', 1, '0', '{default}', %s, 4, clock_timestamp() - %s::interval)",
        id,
        list(kinds),
        beat,
    )


async def test_a_task_is_in_exactly_one_state(db: Database) -> None:
    scheduled = await db.submit(delay=timedelta(hours=1))
    states = {scheduled: "scheduled"}
    for outcome, state in (
        (DONE, "succeeded"),
        (CANCELLED, "cancelled"),
        (BuryNow(FAILED), "dead"),
        (retry_later(3_600), "retrying"),
    ):
        claimed = await db.running()
        assert await db.ends(claimed, outcome)
        states[claimed.id] = state
    late = await db.submit(expires_at="2999-01-01Z")
    await db.run("UPDATE pgq.tasks SET expires_at = clock_timestamp() WHERE id = %s", late)
    await db.tick("expirer")
    states[late] = "expired"
    running = await db.running()
    states[running.id] = "running"
    states[await db.submit()] = "pending"

    rows = await db.rows("SELECT id, state FROM pgq.task_status")
    assert {row["id"]: row["state"] for row in rows} == states
    assert len(rows) == len(states)


async def test_a_finished_task_shows_its_result_and_who_ran_it(db: Database) -> None:
    claimed = await db.running(payload={"n": 1})
    assert await db.ends(claimed)

    row = await db.task(claimed.id)

    assert (row["worker_id"], row["lease_epoch"], row["attempt"]) == (A, claimed.lease_epoch, 1)
    assert row["result"] is None  # the result null
    assert row["started_at"] <= row["finished_at"]


async def test_an_error_has_all_its_keys_however_the_task_ended(db: Database) -> None:
    for outcome in (CANCELLED, BuryNow(FAILED), retry_later(3_600)):
        claimed = await db.running()
        assert await db.ends(claimed, outcome)
        error = (await db.task(claimed.id))["error"]
        assert {"type", "message", "traceback", "attempt", "at"} <= set(error)
        assert error["attempt"] == 1


async def test_an_id_in_several_tables_shows_once_live_before_dead_before_history(db: Database) -> None:
    claimed = await db.running(payload={"n": 1})
    task = claimed.id
    copy_history = (
        "INSERT INTO pgq.task_history (id, lease_epoch, created_at, run_at, timeout_seconds, priority, attempt, "
        "max_attempts, state, queue, kind, tags, headers, payload) SELECT id, lease_epoch, created_at, run_at, "
        "timeout_seconds, priority, attempt, max_attempts, 'succeeded', queue, kind, tags, headers, payload "
        "FROM pgq.tasks"
    )
    await db.run(copy_history)
    assert await db.state(task) == "running"

    assert await db.ends(claimed, BuryNow(FAILED))
    assert await db.state(task) == "dead"

    await db.run("DELETE FROM pgq.dead_tasks")
    assert await db.state(task) == "succeeded"


async def test_queue_depth_counts_disjoint_states(db: Database) -> None:
    for priority in (9, 9, 9, 0):
        await db.submit(priority=priority)
    await db.submit(delay=timedelta(hours=1))
    retried, _, dead = await db.claim(room=3)
    assert await db.ends(retried, retry_later(3_600))
    assert await db.ends(dead, BuryNow(FAILED))
    await db.run("INSERT INTO pgq.queues (name, paused_at) VALUES ('email', clock_timestamp())")

    rows = {row.pop("queue"): row for row in await db.rows("SELECT * FROM pgq.queue_depth")}

    assert set(rows) == {"default", "email"}
    assert 0 <= rows["default"].pop("oldest_ready_seconds") < 60
    assert rows["default"] == {
        "pending": 3,
        "ready": 1,
        "scheduled": 1,
        "retrying": 1,
        "blocked": 0,
        "waiting": 0,
        "running": 1,
        "dead": 1,
        "paused": False,
    }
    assert rows["email"]["paused"]


async def test_the_oldest_ready_task_tells_how_long_it_waits(db: Database) -> None:
    task = await db.submit()
    await db.run("UPDATE pgq.tasks SET run_at = clock_timestamp() - interval '1 h' WHERE id = %s", task)

    assert 3_600 <= await db.value("SELECT oldest_ready_seconds FROM pgq.queue_depth") < 3_700


@pytest.mark.parametrize(
    ("paused_at", "paused_until", "paused"),
    [(None, None, False), ("now", None, True), ("now", "tomorrow", True), ("yesterday", "now", False)],
)
async def test_a_pause_ends_at_its_time(
    db: Database, paused_at: str | None, paused_until: str | None, paused: bool
) -> None:
    await db.run(
        "INSERT INTO pgq.queues (name, paused_at, paused_until) VALUES ('default', %s, %s)", paused_at, paused_until
    )
    await db.submit()

    assert await db.value("SELECT paused FROM pgq.queue_depth") is paused
    assert (await db.claim() == []) is paused


async def test_only_workers_that_beat_lately_are_shown(db: Database) -> None:
    await worker(db, A)
    await worker(db, B, beat="16 s")
    await db.running(A)
    await db.running(A)

    rows = await db.rows("SELECT worker_id, busy, capacity, utilization FROM pgq.worker_utilization")

    assert rows == [{"worker_id": A, "busy": 2, "capacity": 4, "utilization": 0.5}]


async def test_a_worker_has_at_least_one_slot(db: Database) -> None:
    await worker(db, A)

    with pytest.raises(Exception, match="worker_capacity"):
        await db.run("UPDATE pgq.workers SET capacity = 0")


async def test_a_kind_that_no_live_worker_has_is_visible(db: Database) -> None:
    await worker(db, A, kinds=("echo",))
    await worker(db, B, kinds=("resize",), beat="16 s")
    await db.submit("echo")
    await db.submit("resize")
    await db.submit("resize")
    await db.submit("shout", queue="loud")

    rows = await db.rows("SELECT queue, kind, pending, seen_at FROM pgq.unknown_kinds ORDER BY kind")

    assert rows == [
        {"queue": "default", "kind": "resize", "pending": 2, "seen_at": None},
        {"queue": "loud", "kind": "shout", "pending": 1, "seen_at": None},
    ]


async def test_dead_letters_name_their_error(db: Database) -> None:
    task = await db.bury()

    [row] = await db.rows("SELECT id, error_type, error_message, attempt FROM pgq.dead_letters")

    assert row == {"id": task, "error_type": "ValueError", "error_message": "no such city", "attempt": 1}


async def test_maintenance_says_who_did_what(db: Database) -> None:
    claimed = await db.running()
    await db.expire_lease(claimed.id)
    await db.tick("reaper", worker=B)

    [row] = await db.rows("SELECT * FROM pgq.maintenance_status WHERE duty = 'reaper'")

    assert (row["worker_id"], row["runs"], row["last_changed"], row["failure"]) == (B, 1, 1, None)
    assert row["last_seconds"] >= 0
    assert row["held_until"] is None
    [idle] = await db.rows("SELECT * FROM pgq.maintenance_status WHERE duty = 'pruner'")
    assert idle["next_due_at"] is None
    assert idle["runs"] == 0
