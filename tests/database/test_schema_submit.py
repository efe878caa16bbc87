"""pgq.submit() and pgq.submit_many(): what only they take, and what they refuse."""

import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.verbs import Database

UNSUPPORTED: dict[str, Any] = {
    "concurrency_key": "customer:7",
    "unique_key": "report",
    "on_conflict": "reject",
}


@pytest.mark.parametrize(("field", "value"), UNSUPPORTED.items(), ids=UNSUPPORTED)
async def test_a_field_that_nothing_honours_yet_is_refused_by_name(db: Database, field: str, value: Any) -> None:
    with pytest.raises(psycopg.Error, match=f"^{field}: is not supported by this version") as refused:
        await db.submit(**{field: value})
    assert refused.value.sqlstate == "PQ003"

    with pytest.raises(psycopg.Error, match=f"^{field}: is not supported by this version") as refused:
        await db.submit_many({"kind": "echo", field: "x"})
    assert refused.value.sqlstate == "PQ003"


@pytest.mark.parametrize(
    ("named", "field"),
    [
        ({"delay": timedelta(seconds=-1)}, "delay"),
        ({"delay": timedelta(days=3_700)}, "delay"),
        ({"delay": timedelta(seconds=1), "run_at": "2030-01-01Z"}, "delay"),
        ({"key": "k", "key_window": timedelta(0)}, "key_window"),
        ({"key": "k", "key_window": timedelta(days=3_700)}, "key_window"),
        ({"key_window": timedelta(1)}, "key_window"),
        ({"payload": "null"}, "payload"),
        ({"payload": "null", "key": "k"}, "payload"),
        ({"headers": "null"}, "headers"),
        ({"headers": "null", "key": "k"}, "headers"),
    ],
)
async def test_submit_refuses_by_name(db: Database, named: dict[str, Any], field: str) -> None:
    with pytest.raises(psycopg.Error, match=f"^{field}: ") as refused:
        await db.submit(**named)

    assert refused.value.sqlstate == "PQ003"
    assert await db.value("SELECT count(*) FROM pgq.idempotency_keys") == 0


@pytest.mark.parametrize(
    ("task", "field"),
    [
        ({"delay_seconds": -1}, "delay_seconds"),
        ({"delay_seconds": 400_000_000}, "delay_seconds"),
        ({"delay_seconds": "NaN"}, "delay_seconds"),
        ({"delay_seconds": 1, "run_at": "2030-01-01Z"}, "delay_seconds"),
        ({"idempotency_key": "k", "idempotency_window_seconds": 0}, "idempotency_window_seconds"),
        ({"idempotency_key": "k", "idempotency_window_seconds": "NaN"}, "idempotency_window_seconds"),
        ({"prio": 5}, "prio"),
        ({"state": "running"}, "state"),
        ({"attempt": 3}, "attempt"),
        ({"kind": None, "idempotency_key": "k"}, "kind"),
    ],
)
async def test_submit_many_refuses_by_name_and_keeps_none_of_the_others(
    db: Database, task: dict[str, Any], field: str
) -> None:
    with pytest.raises(psycopg.Error, match=f"^{field}: ") as refused:
        await db.submit_many({"kind": "echo", "idempotency_key": "first"}, {"kind": "echo", **task}, {"kind": "echo"})

    assert refused.value.sqlstate == "PQ003"
    assert await db.value("SELECT count(*) FROM pgq.tasks") == 0
    assert await db.value("SELECT count(*) FROM pgq.idempotency_keys") == 0


@pytest.mark.parametrize("tasks", [None, "{}", "17", "[17]", '[{"kind": "echo"}, null]'])
async def test_submit_many_takes_an_array_of_objects(db: Database, tasks: str | None) -> None:
    with pytest.raises(psycopg.Error, match=r"^tasks: ") as refused:
        await db.value("SELECT count(*) FROM pgq.submit_many(%s::jsonb)", tasks)

    assert refused.value.sqlstate == "PQ003"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("priority", "high"),
        ("priority", 1.5),
        ("priority", 3_000_000_000),
        ("max_attempts", [4]),
        ("id", "7"),
        ("id", 7),
        ("run_at", "tomorrow noon"),
        ("run_at", "2030-02-31T00:00:00Z"),
        ("expires_at", {"in": "a day"}),
        ("expires_at", "2030-01-01 00:00 Nowhere/Land"),
        ("delay_seconds", "5 min"),
        ("timeout_seconds", True),
        ("idempotency_window_seconds", "1d"),
        ("tags", "urgent"),
        ("tags", {"urgent": True}),
    ],
)
async def test_a_value_of_the_wrong_type_is_refused_by_name_and_position(
    db: Database, field: str, value: object
) -> None:
    with pytest.raises(psycopg.Error, match=f"^{field}: must be ") as refused:
        await db.submit_many({"kind": "echo", "idempotency_key": "k"}, {"kind": "echo"}, {"kind": "echo", field: value})

    assert refused.value.sqlstate == "PQ003"
    assert json.loads(refused.value.diag.message_detail or "")["position"] == 2
    assert await db.value("SELECT count(*) FROM pgq.tasks") == 0


@pytest.mark.parametrize(
    "bad",
    [
        17,
        {"prio": 5},
        {"priority": 12},
        {"kind": ""},
        {"delay_seconds": -1},
        {"payload": []},
        {"idempotency_key": "k", "payload": []},
        {"idempotency_key": ""},
        {"idempotency_key": "k", "idempotency_window_seconds": 0},
        {"run_at": "2030-01-01Z", "delay_seconds": 1},
    ],
)
@pytest.mark.parametrize("before", [0, 5])
async def test_every_refusal_tells_the_position_of_its_task(db: Database, bad: Any, before: int) -> None:
    fine = [{"kind": "echo"}, {"kind": "echo", "idempotency_key": "fine"}] * 5
    wrong = {"kind": "echo", **bad} if isinstance(bad, dict) else bad

    with pytest.raises(psycopg.Error) as refused:
        await db.submit_many(*fine[:before], wrong, *fine[before:])

    assert refused.value.sqlstate == "PQ003"
    assert json.loads(refused.value.diag.message_detail or "")["position"] == before


async def test_after_a_bulk_submit_a_plain_insert_has_no_position(db: Database) -> None:
    session = await db.another(autocommit=False)
    await db.submit_many({"kind": "echo"}, {"kind": "echo", "idempotency_key": "k"}, on=session)

    with pytest.raises(psycopg.Error) as refused:
        await db.insert(priority=12, on=session)

    assert "position" not in json.loads(refused.value.diag.message_detail or "")


async def test_a_bulk_submit_needs_one_transaction_id(db: Database) -> None:
    """A caller that submits in a loop would otherwise overflow the server's table of running subtransactions."""
    session = await db.another(autocommit=False)
    own = await db.value("SELECT pg_current_xact_id()::xid::text", on=session)
    for n in range(3):
        await db.submit_many({"kind": "echo", "idempotency_key": f"{n}"}, {"kind": "echo"}, on=session)
    await session.commit()

    written = await db.rows("SELECT xmin::text FROM pgq.tasks UNION SELECT xmin::text FROM pgq.idempotency_keys")
    assert [row["xmin"] for row in written] == [own]


async def test_submit_many_answers_in_the_order_asked(db: Database) -> None:
    answers = await db.submit_many(*({"kind": "echo", "payload": {"n": n}, "priority": 9 - n} for n in range(10)))

    assert all(created for _, created in answers)
    for n, (task, _) in enumerate(answers):
        assert (await db.task(task))["payload"] == {"n": n}


async def test_nothing_submitted_is_an_empty_answer(db: Database) -> None:
    assert await db.submit_many() == []


async def test_a_delay_counts_from_the_databases_clock(db: Database) -> None:
    by_submit = await db.submit(delay=timedelta(hours=1))
    [(by_submit_many, _)] = await db.submit_many({"kind": "echo", "delay_seconds": 3_600})

    for task in (by_submit, by_submit_many):
        assert await db.state(task) == "scheduled"
        assert await db.value(
            "SELECT run_at - created_at BETWEEN interval '59 min' AND interval '1 h' FROM pgq.tasks WHERE id = %s", task
        )


async def test_a_delay_counts_from_the_statement_not_from_a_long_transactions_start(db: Database) -> None:
    session = await db.another(autocommit=False)
    started = await db.value("SELECT now()", on=session)
    later = await db.value("SELECT clock_timestamp()")

    task = await db.submit(delay=timedelta(0), on=session)
    await session.commit()

    assert later > started
    assert (await db.task(task))["run_at"] > later


async def test_what_is_rolled_back_never_existed(db: Database) -> None:
    session = await db.another(autocommit=False)
    await db.submit(on=session)
    await db.submit(key="k", on=session)
    await db.insert(on=session)
    await db.submit_many({"kind": "echo"}, on=session)
    await session.rollback()

    assert await db.value("SELECT count(*) FROM pgq.task_status") == 0
    assert await db.claim() == []
    assert [created for _, created in await db.submit_many({"kind": "echo", "idempotency_key": "k"})] == [True]


async def test_a_known_id_is_refused(db: Database) -> None:
    dead = await db.bury()
    live = await db.submit()

    for task, constraint in ((live, "tasks_pkey"), (dead, "dead_tasks_pkey")):
        with pytest.raises(psycopg.errors.UniqueViolation) as refused:
            await db.insert(id=task)
        assert refused.value.diag.constraint_name == constraint


async def test_the_refusal_says_what_to_do_about_a_known_key(db: Database) -> None:
    await db.submit(key="k")

    with pytest.raises(psycopg.errors.UniqueViolation) as refused:
        await db.insert(idempotency_key="k")
    assert "pgq.submit" in (refused.value.diag.message_hint or "")

    with pytest.raises(psycopg.Error) as conflict:
        await db.submit(key="k", payload={"another": True})
    assert conflict.value.sqlstate == "PQ001"
    assert json.loads(conflict.value.diag.message_detail or "")["field"] == "idempotency_key"
    assert "new key" in (conflict.value.diag.message_hint or "")
