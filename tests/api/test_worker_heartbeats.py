"""Heartbeats of remote workers renew leases, and carry what attempts say."""

from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from psycopg import Connection

from pgq.api import heartbeats
from pgq.db.leases import extend
from pgq.db.task_logs import keep_progress
from tests.api.remote import held, register
from tests.cli import rows


async def test_only_the_listed_leases_are_renewed_and_lost_ones_are_told(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    for _ in range(2):
        rows.submitted(connection)
    worker, other = await register(api), await register(api)
    kept, dropped = await worker.claim(limit=2)
    aged = "UPDATE pgq.tasks SET lease_expires_at = now() + interval '1 s' RETURNING lease_expires_at"
    (ending, same) = connection.execute(aged).fetchall()
    assert ending == same
    before = {**kept, "lease_epoch": kept["lease_epoch"] - 1}
    heard = await worker.beat(held(kept))
    assert (heard["lost"], heard["cancel"], heard["draining"]) == ([], [], False)
    assert (await worker.beat(held(before)))["lost"] == [kept["id"]]
    assert (await other.beat(held(dropped)))["lost"] == [dropped["id"]]
    ends = dict(connection.execute("SELECT id::text, lease_expires_at FROM pgq.tasks").fetchall())
    assert ends[kept["id"]] - ending[0] > timedelta(seconds=5)
    assert ends[dropped["id"]] == ending[0]
    row = connection.execute(
        "SELECT lease_expires_at >= %s::timestamptz FROM pgq.tasks WHERE id = %s",
        [heard["lease_expires_at"], kept["id"]],
    ).fetchone()
    assert row == (True,), "the worker is promised no more than the database keeps"


async def test_a_lease_whose_row_stays_locked_is_neither_lost_nor_told_to_be_renewed(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    for _ in range(2):
        rows.submitted(connection)
    worker = await register(api)
    locked, free = await worker.claim(limit=2)
    connection.execute("BEGIN")
    connection.execute("SELECT FROM pgq.tasks WHERE id = %s FOR UPDATE", [locked["id"]])
    heard = await worker.beat(held(locked), held(free))
    connection.execute("ROLLBACK")

    assert (heard["lost"], heard["not_renewed"]) == ([], [locked["id"]])
    assert promised(connection, heard) == [True, True], "the worker is promised no more than the database keeps"
    heard = await worker.beat(held(locked), held(free))
    assert (heard["lost"], heard["not_renewed"]) == ([], [])
    assert promised(connection, heard) == [True, True]


async def test_a_lease_whose_row_is_locked_for_a_moment_is_renewed(
    api: httpx2.AsyncClient, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.submitted(connection)
    worker = await register(api)
    task = await worker.one()
    tries: list[Any] = []

    def extend_and_let_go(*given: Any, **more: Any) -> Any:
        tries.append(extend(*given, **more))
        connection.execute("ROLLBACK")
        return tries[-1]

    monkeypatch.setattr(heartbeats, "extend", extend_and_let_go)
    connection.execute("BEGIN")
    connection.execute("SELECT FROM pgq.tasks FOR UPDATE")
    heard = await worker.beat(held(task), held({**task, "lease_epoch": task["lease_epoch"] - 1}))

    assert [[one.extended for one in answers if one.held] for answers in tries] == [[False], [True]]
    assert (heard["lost"], heard["not_renewed"]) == ([], [])
    assert promised(connection, heard) == [True]


async def test_a_lease_whose_task_has_had_its_time_shortens_no_others(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    for _ in range(2):
        rows.submitted(connection)
    worker = await register(api)
    late, other = await worker.claim(limit=2)
    connection.execute("UPDATE pgq.tasks SET deadline_at = clock_timestamp() WHERE id = %s", [late["id"]])
    before = connection.execute("SELECT clock_timestamp() + interval '9 s'").fetchone()
    heard = await worker.beat(held(late), held(other))
    assert (heard["lost"], heard["not_renewed"]) == ([], [])
    assert before is not None
    assert datetime.fromisoformat(heard["lease_expires_at"]) > before[0]


def promised(connection: Connection[Any], heard: dict[str, Any]) -> list[bool]:
    """Of each task, whether its lease lasts as long as the heartbeat said."""
    statement = "SELECT lease_expires_at >= %s::timestamptz FROM pgq.tasks ORDER BY id"
    return [row[0] for row in connection.execute(statement, [heard["lease_expires_at"]])]


async def test_a_heartbeat_carries_progress_and_lines_which_are_numbered_on(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    rows.submitted(connection)
    worker, other = await register(api), await register(api)
    task = await worker.one()
    await worker.beat(
        held(task, progress={"value": 0.5, "message": "half"}, log=[{"message": "one"}, {"message": "two"}])
    )
    await worker.beat(held(task, log=[{"message": "three", "level": "warning", "logger": "resize"}]))
    await other.beat(held(task, progress={"value": 0.9}, log=[{"message": "not mine"}]))
    shown = (await api.get(f"/v1/tasks/{task['id']}")).json()
    assert (shown["progress"]["value"], shown["progress"]["message"]) == (0.5, "half")
    lines = connection.execute("SELECT n, attempt, level, logger, message FROM pgq.task_logs ORDER BY n").fetchall()
    assert lines == [
        (1, 1, "info", "", "one"),
        (2, 1, "info", "", "two"),
        (3, 1, "warning", "resize", "three"),
    ]


async def test_a_progress_whose_row_is_locked_just_then_is_not_lost(
    api: httpx2.AsyncClient, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.submitted(connection)
    worker = await register(api)
    task = await worker.one()
    keep = keep_progress
    tries: list[Any] = []

    async def keep_and_let_go(*given: Any) -> Any:
        tries.append(await keep(*given))
        connection.execute("ROLLBACK")
        return tries[-1]

    monkeypatch.setattr(heartbeats, "keep_progress", keep_and_let_go)
    connection.execute("BEGIN")
    connection.execute("SELECT FROM pgq.tasks FOR UPDATE")
    await worker.beat(held(task, progress={"value": 1, "message": "all"}))

    assert [[one.kept for one in answers] for answers in tries] == [[False], [True]]
    assert (await api.get(f"/v1/tasks/{task['id']}")).json()["progress"]["message"] == "all"


async def test_a_heartbeat_that_is_sent_again_doubles_no_line(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    rows.submitted(connection)
    worker = await register(api)
    task = await worker.one()
    one, two, three = ({"message": text, "n": n} for n, text in enumerate(("one", "two", "three"), 1))
    for said in ([one, two], [one, two], [three], [two, three]):
        await worker.beat(held(task, log=said))
    lines = connection.execute("SELECT n, message FROM pgq.task_logs ORDER BY n, message").fetchall()
    assert lines == [(1, "one"), (2, "two"), (3, "three")]


async def test_of_a_log_without_end_the_beginning_is_kept(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    rows.submitted(connection)
    worker = await register(api)
    task = await worker.one()
    for _ in range(11):
        await worker.beat(held(task, log=[{"message": "again"}] * 1000))
    lines = connection.execute("SELECT message FROM pgq.task_logs ORDER BY n").fetchall()
    assert (len(lines), lines[-1]) == (10_001, ("… further lines were not kept",))
