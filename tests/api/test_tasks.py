"""Lists, attempts, changes, cancel and retry over HTTP."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from psycopg import Connection

from pgq.api import paging
from tests.api.conftest import Secured
from tests.cli import rows

Api = httpx2.AsyncClient


async def listed(api: Api, **params: Any) -> list[str]:
    answer = await api.get("/v1/tasks", params=params)
    assert answer.status_code == 200, answer.text
    return [task["id"] for task in answer.json()["items"]]


async def pages(api: Api, **params: Any) -> list[str]:
    """All pages, one after the other."""
    seen: list[str] = []
    cursor = None
    while True:
        answer = await api.get("/v1/tasks", params={**params, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        seen += [task["id"] for task in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return seen


async def test_tasks_are_listed_newest_first_by_every_filter(api: Api, connection: Connection[Any]) -> None:
    a = str(rows.submitted(connection, "echo", queue="images", tags=["x", "y"]))
    b = str(rows.ended(connection, queue="images", kind="resize", tags=["x"]))
    c = str(rows.dead(connection, kind="resize"))
    d = str(rows.submitted(connection, "echo", delay="1 h"))
    assert await listed(api) == [d, c, b, a]
    assert await listed(api, queue="images") == [b, a]
    assert await listed(api, kind=["resize", "echo"], queue="images") == [b, a]
    assert await listed(api, tag=["x", "y"]) == [a]
    assert await listed(api, state=["dead", "succeeded"]) == [c, b]
    assert await listed(api, state="pending") == [d, a]
    assert await listed(api, state="scheduled") == [d]
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert await listed(api, created_before=later) == [d, c, b, a]
    assert await listed(api, created_after=later) == []


async def test_a_list_shows_tasks_as_a_look_does(api: Api, connection: Connection[Any]) -> None:
    task = rows.dead(connection)
    (item,) = (await api.get("/v1/tasks")).json()["items"]
    assert item == (await api.get(f"/v1/tasks/{task}")).json()
    assert (item["state"], item["error"]["type"]) == ("dead", "ValueError")


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({"limit": 0}, "query/limit"),
        ({"limit": 501}, "query/limit"),
        ({"limit": "many"}, "query/limit"),
        ({"state": "done"}, "query/state/0"),
        ({"queue": ""}, "query/queue/0"),
        ({"created_after": "2030-01-01T00:00:00"}, "query/created_after"),
        ({"created_before": "yesterday"}, "query/created_before"),
        ({"colour": "red"}, "query/colour"),
        ({"workflow_id": "x"}, "query/workflow_id"),
    ],
)
async def test_a_wrong_parameter_is_named(api: Api, params: dict[str, Any], pointer: str) -> None:
    answer = await api.get("/v1/tasks", params=params)
    assert answer.status_code == 422, answer.text
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    "cursor",
    ["", "1", "abc", "x" * 600, "é", "AAAA", paging.cursor("dlq", "2030-01-01T00:00:00Z", str(UUID(int=1))),
     paging.cursor("tasks"), paging.cursor("tasks", "not-an-id"), paging.cursor("tasks", str(UUID(int=1)))[:-2]],
)  # fmt: skip
async def test_a_cursor_that_the_list_did_not_give_is_refused(api: Api, cursor: str) -> None:
    answer = await api.get("/v1/tasks", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_pages_end_and_hold_no_more_than_asked(api: Api, connection: Connection[Any]) -> None:
    made = [str(rows.submitted(connection)) for _ in range(7)]
    answer = (await api.get("/v1/tasks", params={"limit": 7})).json()
    assert ([task["id"] for task in answer["items"]], answer["next_cursor"]) == (made[::-1], None)
    answer = (await api.get("/v1/tasks", params={"limit": 3})).json()
    assert len(answer["items"]) == 3
    assert answer["next_cursor"]
    assert await pages(api, limit=3) == made[::-1]


async def test_pages_neither_skip_nor_repeat_while_tasks_come_and_end(api: Api, connection: Connection[Any]) -> None:
    there = {str(rows.submitted(connection)) for _ in range(120)}
    done = asyncio.Event()

    def come_and_go(turn: int) -> None:
        """A new task, one that ends, one that is buried, one that is redriven."""
        new = rows.submitted(connection)
        live = connection.execute("SELECT id FROM pgq.tasks ORDER BY random() LIMIT 3").fetchall()
        rows.move_to_history(connection, live[0][0], "succeeded", None)
        rows.bury(connection, live[1][0])
        connection.execute("SELECT pgq.redrive(id) FROM (SELECT id FROM pgq.dead_tasks ORDER BY random() LIMIT 1) AS d")
        if turn % 3 == 0:
            rows.start(connection, new if live[2][0] in (live[0][0], live[1][0]) else live[2][0])

    async def load() -> None:
        for turn in itertools.count():
            if done.is_set():
                return
            await asyncio.to_thread(come_and_go, turn)

    loading = asyncio.create_task(load())
    try:
        for limit in (1, 7, 50):
            seen = await pages(api, limit=limit)
            assert len(seen) == len(set(seen)), "no task twice"
            assert there <= set(seen), "no task left out"
    finally:
        done.set()
        await loading


async def test_a_token_lists_the_tasks_of_its_queues(secured: Secured, connection: Connection[Any]) -> None:
    mine = str(rows.submitted(connection, queue="mail-out"))
    rows.submitted(connection, queue="bank")
    rows.submitted(connection, queue="mail_out")
    reader = await secured.client("read", queues=["mail-*"])
    assert await listed(reader) == [mine]
    assert await listed(reader, queue="bank") == []


async def test_failed_attempts_are_listed_in_order(api: Api, connection: Connection[Any]) -> None:
    task = rows.submitted(connection)
    connection.execute(
        "INSERT INTO pgq.attempts (task_id, lease_epoch, attempt, error, failed_at) VALUES"
        ' (%(id)s, 2, 2, \'{"type": "KeyError"}\', clock_timestamp()),'
        " (%(id)s, 1, 1, '{\"type\": \"ValueError\"}', clock_timestamp() - interval '1 min')",
        {"id": task},
    )
    found = (await api.get(f"/v1/tasks/{task}/attempts")).json()["items"]
    assert [(one["attempt"], one["error"]) for one in found] == [(1, {"type": "ValueError"}), (2, {"type": "KeyError"})]
    assert set(found[0]) == {"attempt", "started_at", "failed_at", "worker_id", "error"}


async def test_a_waiting_task_is_changed_and_can_be_claimed_where_it_is(api: Api, connection: Connection[Any]) -> None:
    task = rows.submitted(connection, run_at="2020-01-01T00:00:00Z")
    answer = await api.patch(f"/v1/tasks/{task}", json={"priority": "high", "queue": "other"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["priority"], answer.json()["queue"], answer.json()["state"]) == (8, "other", "pending")
    row = connection.execute("SELECT run_at > clock_timestamp() - interval '1 min' FROM pgq.tasks").fetchone()
    assert row == (True,), "not behind the place up to which workers have read the lane"
    answer = await api.patch(f"/v1/tasks/{task}", json={"run_at": "2999-01-01T00:00:00Z"})
    assert (answer.json()["state"], answer.json()["priority"]) == ("scheduled", 8)
    answer = await api.patch(f"/v1/tasks/{task}", json={"run_at": "2020-01-01T00:00:00Z"})
    assert answer.json()["state"] == "pending"


async def test_a_change_wakes_the_workers_of_the_queue(api: Api, connection: Connection[Any]) -> None:
    task = rows.submitted(connection, delay="1 h")
    connection.execute("LISTEN pgq_ready")
    await api.patch(f"/v1/tasks/{task}", json={"run_at": "2020-01-01T00:00:00Z", "queue": "other"})
    (heard,) = connection.notifies(timeout=60, stop_after=1)
    assert heard.payload == "other"


@pytest.mark.parametrize("maker", [rows.running, rows.ended, rows.dead])
async def test_a_task_that_runs_or_has_ended_is_not_changed(api: Api, connection: Connection[Any], maker: Any) -> None:
    answer = await api.patch(f"/v1/tasks/{maker(connection)}", json={"priority": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/task"),
        ({"priority": None}, "#/task"),
        ({"priority": 11}, "#/priority"),
        ({"payload": {}}, "#/payload"),
        ({"run_at": "2031-01-01T00:00:00Z"}, "#/run_at"),
    ],
)
async def test_a_wrong_change_is_refused(
    api: Api, connection: Connection[Any], body: dict[str, Any], pointer: str
) -> None:
    task = rows.submitted(connection, expires_at="2030-01-01T00:00:00Z")
    answer = await api.patch(f"/v1/tasks/{task}", json=body)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


async def test_a_waiting_task_is_cancelled_at_once_and_a_running_one_is_told(
    api: Api, connection: Connection[Any]
) -> None:
    waiting, running = rows.submitted(connection), rows.running(connection)
    assert (await api.post(f"/v1/tasks/{waiting}/cancel")).json()["state"] == "cancelled"
    told = (await api.post(f"/v1/tasks/{running}/cancel")).json()
    assert told["state"] == "running"
    assert told["cancel_requested_at"]
    assert (await api.post(f"/v1/tasks/{waiting}/cancel")).status_code == 409


async def test_retry_depends_on_what_became_of_the_task(api: Api, connection: Connection[Any]) -> None:
    dead, ended = rows.dead(connection), rows.ended(connection)
    scheduled, running = rows.submitted(connection, delay="1 h"), rows.running(connection)
    redriven = (await api.post(f"/v1/tasks/{dead}/retry")).json()
    assert (redriven["id"], redriven["state"]) == (str(dead), "pending")
    new = (await api.post(f"/v1/tasks/{ended}/retry")).json()
    assert new["id"] != str(ended)
    assert new["headers"]["retried_from"] == str(ended)
    now = (await api.post(f"/v1/tasks/{scheduled}/retry")).json()
    assert (now["id"], now["state"]) == (str(scheduled), "pending")
    assert (await api.post(f"/v1/tasks/{running}/retry")).json()["code"] == "wrong_state"


@pytest.mark.parametrize("path", ["", "/cancel", "/retry"])
async def test_what_was_done_is_written_down_and_other_queues_stay_hidden(
    secured: Secured, connection: Connection[Any], path: str
) -> None:
    operator = await secured.client("operate", queues=["mail-*"])
    mine, other = rows.submitted(connection, queue="mail-1", delay="1 h"), rows.submitted(connection, queue="bank")
    missing = UUID(int=1)

    async def verb(task: UUID) -> httpx2.Response:
        if path:
            return await operator.post(f"/v1/tasks/{task}{path}")
        return await operator.patch(f"/v1/tasks/{task}", json={"priority": 1})

    assert (await verb(mine)).status_code == 200
    (target,) = connection.execute("SELECT target FROM pgq.audit_log WHERE action LIKE 'task.%'").fetchone() or ("",)
    assert target == str(mine)
    hidden, absent = await verb(other), await verb(missing)
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.json()["detail"] == absent.json()["detail"]
    assert connection.execute("SELECT count(*) FROM pgq.audit_log WHERE action LIKE 'task.%'").fetchone() == (1,)


async def test_a_task_is_not_moved_to_a_queue_of_others(secured: Secured, connection: Connection[Any]) -> None:
    operator = await secured.client("operate", queues=["mail-*"])
    mine = rows.submitted(connection, queue="mail-1")
    answer = await operator.patch(f"/v1/tasks/{mine}", json={"queue": "bank"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
