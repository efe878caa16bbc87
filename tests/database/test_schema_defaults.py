"""A field left out is filled from the submit call, then the kind, then the queue, then pgq: at every door alike."""

from typing import Any

import pytest

from tests.database.doors import DOORS, Door
from tests.verbs import Database

FILLED = ("queue", "priority", "max_attempts", "timeout_seconds")


async def filled(db: Database, door: Door, **fields: Any) -> tuple[Any, ...]:
    row = await db.task(await door(db, {"kind": "send_email", **fields}))
    return tuple(row[name] for name in FILLED)


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
async def test_built_in_defaults(db: Database, door: Door) -> None:
    task = await door(db, {})

    assert {name: value for name, value in (await db.task(task)).items() if value is not None} == {
        "id": task,
        "kind": "echo",
        "queue": "default",
        "state": "pending",
        "payload": {},
        "priority": 5,
        "attempt": 0,
        "max_attempts": 4,
        "created_at": (row := await db.task(task))["created_at"],
        "run_at": row["run_at"],
        "timeout_seconds": 300,
        "tags": [],
        "headers": {},
        "lease_epoch": 0,
    }


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
async def test_the_submit_call_comes_before_the_kind_before_the_queue_before_the_built_in(
    db: Database, door: Door
) -> None:
    await db.run("INSERT INTO pgq.queues (name, timeout_seconds) VALUES ('email', 70), ('default', 80), ('slow', 90)")
    assert await filled(db, door) == ("default", 5, 4, 80)

    await db.run("INSERT INTO pgq.kinds (kind, queue) VALUES ('send_email', 'email')")
    assert await filled(db, door) == ("email", 5, 4, 70)

    await db.run("UPDATE pgq.kinds SET priority = 8, max_attempts = 2, timeout_seconds = 7 WHERE kind = 'send_email'")
    assert await filled(db, door) == ("email", 8, 2, 7)

    assert await filled(db, door, queue="slow", priority=0) == ("slow", 0, 2, 7)
    assert await filled(db, door, max_attempts=9, timeout_seconds=1.5) == ("email", 8, 9, 1.5)


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
async def test_a_key_belongs_to_the_queue_that_the_kind_names(db: Database, door: Door) -> None:
    await db.run("INSERT INTO pgq.kinds (kind, queue) VALUES ('send_email', 'email')")

    task = await door(db, {"kind": "send_email", "idempotency_key": "k"})

    assert await db.rows("SELECT queue, key, task_id FROM pgq.idempotency_keys") == [
        {"queue": "email", "key": "k", "task_id": task}
    ]


HANDLER = {"queue": "reports", "priority": 1, "max_attempts": 7, "timeout_seconds": 60}


@pytest.mark.parametrize("key", [None, "k"])
async def test_a_handlers_own_defaults_come_last(db: Database, key: str | None) -> None:
    async def submitted(**fields: Any) -> tuple[Any, ...]:
        task = {"kind": "send_email", "defaults": HANDLER, **fields}
        if key is not None:
            task["idempotency_key"] = f"{key} {fields}"
        [(id, created)] = await db.submit_many(task)
        assert created
        row = await db.task(id)
        if key is not None:
            assert await db.value("SELECT queue FROM pgq.idempotency_keys WHERE task_id = %s", id) == row["queue"]
        return tuple(row[name] for name in FILLED)

    assert await submitted() == ("reports", 1, 7, 60)
    assert await submitted(queue="other", priority=9) == ("other", 9, 7, 60)

    await db.run("INSERT INTO pgq.queues (name, timeout_seconds) VALUES ('reports', 70)")
    assert await submitted(max_attempts=3) == ("reports", 1, 3, 70)

    await db.run("INSERT INTO pgq.kinds (kind, priority) VALUES ('send_email', 8)")  # it names no queue
    assert await submitted(tags=["a"]) == ("reports", 8, 7, 70)

    await db.run("UPDATE pgq.kinds SET queue = 'email', max_attempts = 2, timeout_seconds = 5")
    assert await submitted(tags=["b"]) == ("email", 8, 2, 5)


async def test_what_a_worker_publishes_is_checked_before_it_spoils_every_submit(db: Database) -> None:
    for column, value in (("priority", 12), ("max_attempts", 0), ("timeout_seconds", "'NaN'"), ("queue", "''")):
        with pytest.raises(Exception, match="violates check constraint"):
            await db.run(f"INSERT INTO pgq.kinds (kind, {column}) VALUES ('send_email', {value})")


async def test_an_explicit_null_means_left_out(db: Database) -> None:
    nothing = dict.fromkeys(("payload", "tags", "headers", "run_at", "expires_at", *FILLED))

    inserted = await db.insert(**nothing)
    [(submitted, _)] = await db.submit_many({"kind": "echo", **nothing, "idempotency_key": None})

    for task in (inserted, submitted):
        row = await db.task(task)
        assert tuple(row[name] for name in FILLED) == ("default", 5, 4, 300)
        assert (row["payload"], row["tags"], row["headers"], row["state"]) == ({}, [], {}, "pending")
