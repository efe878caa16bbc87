"""The database is lost in the middle of a submit: nothing acknowledged is lost, and nothing is stored twice."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import httpx2
import pytest
from psycopg import AsyncConnection, Connection

from pgq.api import lanes, storing
from pgq.api.app import create_app
from pgq.db.follow import look
from pgq.values.settings import Settings
from pgq.values.task import TaskStatus
from tests.api.conftest import running
from tests.api.cut import Cut, cut
from tests.cli import rows
from tests.until import PATIENCE

Api = httpx2.AsyncClient


@pytest.fixture(autouse=True)
def _the_truth_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lanes, storing):
        monkeypatch.setattr(module, "SETTLE_SECONDS", PATIENCE)


@pytest.fixture
async def way(dsn: str) -> AsyncIterator[tuple[Cut, Api]]:
    """The API behind a way to the database that can be cut."""
    async with cut(dsn) as (way, conninfo), running(create_app(Settings(auth="off"), conninfo=conninfo)) as api:
        assert (await api.post("/v1/tasks", json={"kind": "warm"})).status_code == 201
        assert (await api.post("/v1/tasks", json={"kind": "warm", "idempotency_key": "w"})).status_code == 201
        yield way, api


def stored(connection: Connection[Any]) -> list[str]:
    return [row[0] for row in connection.execute("SELECT id::text FROM pgq.tasks WHERE kind = 'echo'")]


def a_submit(data: bytes) -> bool:
    return b'"kind":"echo"' in data


def a_look(data: bytes) -> bool:
    return b"pgq.task_status" in data


def a_commit(data: bytes) -> bool:
    return b"COMMIT" in data


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("key", [None, "k"])
async def test_a_submit_whose_answer_is_lost_is_stored_once_and_answered(
    way: tuple[Cut, Api], connection: Connection[Any], key: str | None, after: bool
) -> None:
    cut, api = way
    cut.when, cut.after = a_submit, after
    answers = await asyncio.gather(
        *(api.post("/v1/tasks", json={"kind": "echo", "idempotency_key": key and f"{key}{n}"}) for n in range(5))
    )
    assert cut.cuts == 1
    assert [answer.status_code for answer in answers] == [201] * 5, [answer.text for answer in answers]
    assert sorted(answer.json()["id"] for answer in answers) == sorted(stored(connection))


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("key", [None, "k"])
async def test_tasks_that_are_stored_and_then_cannot_be_read_are_answered(
    way: tuple[Cut, Api], connection: Connection[Any], key: str | None, after: bool
) -> None:
    cut, api = way
    cut.when, cut.after = a_look, after
    answers = await children(api, connection, key)
    assert cut.cuts == 1
    assert [answer.status_code for answer in answers] == [201] * 5, [answer.text for answer in answers]
    assert sorted(answer.json()["id"] for answer in answers) == sorted(stored(connection))


@pytest.mark.parametrize("key", [None, "k"])
async def test_tasks_that_are_stored_are_not_refused_because_reading_them_fails(
    way: tuple[Cut, Api], connection: Connection[Any], monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    looks: list[int] = []

    async def look_late(session: AsyncConnection[Any], ids: Sequence[UUID]) -> dict[UUID, TaskStatus]:
        looks.append(len(ids))
        if len(looks) == 1:
            await session.execute("SET LOCAL statement_timeout = '1ms'; SELECT pg_sleep(60)", prepare=False)
        return await look(session, ids)

    monkeypatch.setattr(lanes, "look", look_late)
    _, api = way
    answers = await children(api, connection, key)
    assert [answer.status_code for answer in answers] == [201] * 5, [answer.text for answer in answers]
    assert sorted(answer.json()["id"] for answer in answers) == sorted(stored(connection))


async def children(api: Api, connection: Connection[Any], key: str | None) -> list[httpx2.Response]:
    """The answers to five submits at once, of tasks that wait for another one."""
    parent = str(rows.submitted(connection, "parent"))
    body = {"kind": "echo", "depends_on": [parent]}
    return await asyncio.gather(
        *(api.post("/v1/tasks", json={**body, "idempotency_key": key and f"{key}{n}"}) for n in range(5))
    )


@pytest.mark.parametrize(("key", "words"), [("k", "idempotency key 'k'"), (None, "GET /v1/tasks/")])
async def test_while_nobody_knows_the_answer_says_so_and_how_to_find_out(
    way: tuple[Cut, Api], connection: Connection[Any], monkeypatch: pytest.MonkeyPatch, key: str | None, words: str
) -> None:
    monkeypatch.setattr(lanes, "SETTLE_SECONDS", 0.3)
    cut, api = way

    def for_ever(data: bytes) -> bool:
        cut.refuse = a_submit(data)
        return cut.refuse

    cut.when, cut.after = for_ever, True
    body = {"kind": "echo", "payload": {"n": 1}, "idempotency_key": key}
    answer = await api.post("/v1/tasks", json=body)
    assert (answer.status_code, answer.json()["code"]) == (503, "commit_unknown")
    assert answer.headers["retry-after"]
    assert words in answer.json()["detail"]
    cut.refuse = False
    if key is not None:
        again = await api.post("/v1/tasks", json=body)
        assert [again.json()["id"]] == stored(connection)
    else:
        assert (await api.get(answer.headers["location"])).json()["id"] in stored(connection)


async def test_a_database_that_is_away_is_told_at_once_and_nothing_is_stored(
    way: tuple[Cut, Api], connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "SETTLE_SECONDS", 0.3)
    cut, api = way
    cut.refuse = True
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    answer = await api.post("/v1/tasks", json={"kind": "echo"})
    assert (answer.status_code, answer.json()["code"]) in [(503, "database_unavailable"), (503, "commit_unknown")]
    cut.refuse = False
    assert (await api.post("/v1/tasks", json={"kind": "echo"})).status_code == 201
    assert len(stored(connection)) == 1


@pytest.mark.parametrize("after", [True, False])
async def test_a_batch_whose_commit_is_lost_is_stored_whole_or_not_at_all(
    way: tuple[Cut, Api], connection: Connection[Any], after: bool
) -> None:
    cut, api = way
    cut.when, cut.after = a_commit, after
    answer = await api.post("/v1/tasks/batch", json={"tasks": [{"kind": "echo"}] * 150})
    assert cut.cuts == 1
    if after:
        assert answer.status_code == 201, answer.text
        assert sorted(answer.json()["ids"]) == sorted(stored(connection))
    else:
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert stored(connection) == []


async def test_a_batch_that_nobody_knows_of_says_which_task_tells(
    way: tuple[Cut, Api], connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "SETTLE_SECONDS", 0.3)
    cut, api = way

    def for_ever(data: bytes) -> bool:
        cut.refuse = a_commit(data)
        return cut.refuse

    cut.when, cut.after = for_ever, True
    answer = await api.post("/v1/tasks/batch", json={"tasks": [{"kind": "echo"}] * 150})
    assert (answer.status_code, answer.json()["code"]) == (503, "commit_unknown")
    assert any(id in answer.json()["detail"] for id in stored(connection))


@pytest.mark.parametrize("after", [True, False])
async def test_a_workflow_whose_commit_is_lost_is_stored_whole_or_not_at_all(
    way: tuple[Cut, Api], connection: Connection[Any], after: bool
) -> None:
    cut, api = way
    cut.when, cut.after = a_commit, after
    tasks = [{"name": "a", "kind": "echo"}, {"name": "b", "kind": "echo", "depends_on": ["a"]}]
    answer = await api.post("/v1/workflows", json={"name": "w", "tasks": tasks})
    assert cut.cuts == 1
    if after:
        assert answer.status_code == 201
        assert sorted(task["id"] for task in answer.json()["tasks"]) == sorted(stored(connection))
    else:
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert stored(connection) == []
    known = connection.execute("SELECT count(*) FROM pgq.workflow_status").fetchone()
    assert known == (1 if after else 0,)


@pytest.mark.parametrize("after", [True, False])
async def test_a_workflow_of_which_nobody_knows_whether_it_is_stored_is_sent_again_with_its_key(
    way: tuple[Cut, Api], connection: Connection[Any], monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    monkeypatch.setattr(storing, "SETTLE_SECONDS", 0.3)
    cut, api = way

    def for_ever(data: bytes) -> bool:
        cut.refuse = a_commit(data)
        return cut.refuse

    cut.when, cut.after = for_ever, after
    tasks = [{"name": f"n{n}", "kind": "echo", "payload": {"n": n}} for n in range(1_500)]
    body = {"name": "w", "tasks": tasks, "idempotency_key": "k"}
    answer = await api.post("/v1/workflows", json=body)
    assert (answer.status_code, answer.json()["code"]) == (503, "commit_unknown")
    cut.refuse = False
    again = await api.post("/v1/workflows", json=body)
    assert (again.status_code, again.json()["created"]) == ((200, False) if after else (201, True))
    assert again.json()["total"] == len(stored(connection)) == 1_500
    body["tasks"] = [*tasks[:-1], {**tasks[-1], "payload": {"n": 0}}]
    other = await api.post("/v1/workflows", json=body)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
