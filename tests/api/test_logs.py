"""What handlers say while they run, over HTTP: progress and logs."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx2
import pytest
from psycopg import Connection

from pgq.api import paging
from pgq.api.app import create_app
from pgq.values.settings import Settings
from tests.api.conftest import Secured, running
from tests.cli import rows


def log(connection: Connection[Any], task: UUID, *messages: str, epoch: int = 1) -> None:
    """What an attempt has logged."""
    for n, message in enumerate(messages, 1):
        connection.execute(
            "INSERT INTO pgq.task_logs (task_id, lease_epoch, attempt, n, logged_at, level, logger, message)"
            " VALUES (%s, %s, %s, %s, clock_timestamp(), 'info', 'app', %s)",
            [task, epoch, epoch, n, message],
        )


async def messages(client: httpx2.AsyncClient, task: UUID, **query: Any) -> Sequence[str]:
    answer = await client.get(f"/v1/tasks/{task}/logs", params=query)
    assert answer.status_code == 200, answer.text
    return [one["message"] for one in answer.json()["items"]]


async def test_every_answer_with_a_task_shows_its_progress(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    task = rows.running(connection)
    rows.progress(connection, task, 0.5, "half way")
    one = (await api.get(f"/v1/tasks/{task}")).json()["progress"]
    assert (one.pop("at")[-1], one) == ("Z", {"value": 0.5, "message": "half way"})
    for path in ("/v1/tasks", f"/v1/tasks/{task}?wait=0.1"):
        assert "half way" in (await api.get(path)).text
    assert (await api.post(f"/v1/tasks/{task}/cancel")).json()["progress"]["value"] == 0.5


async def test_a_log_is_read_page_by_page_in_the_order_it_was_said(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    task = rows.running(connection)
    assert await messages(api, task) == []
    log(connection, task, "a", "b", "c")
    log(connection, task, "d", epoch=2)
    first = (await api.get(f"/v1/tasks/{task}/logs?limit=3")).json()
    assert [one["message"] for one in first["items"]] == ["a", "b", "c"]
    second = (await api.get(f"/v1/tasks/{task}/logs", params={"cursor": first["next_cursor"]})).json()
    assert ([one["message"] for one in second["items"]], second["next_cursor"]) == (["d"], None)
    line = second["items"][0]
    assert (line["task_id"], line["attempt"], line["level"], line["logger"]) == (str(task), 2, "info", "app")

    log(connection, task, "e", epoch=3)
    assert await messages(api, task, after=line["place"]) == ["e"]


@pytest.mark.parametrize(
    "query",
    [{"after": one} for one in ("", "x", "1", "1.", "-1.0", "1.99999999999", f"{1 << 63}.0", "1.0.0")]
    + [{"cursor": one} for one in ("abc", paging.cursor("tasks", str(UUID(int=1))), paging.cursor("logs", "1", "x"))]
    + [{"after": "1.1", "cursor": paging.cursor("logs", "1", "1")}, {"limit": "0"}, {"limit": "501"}, {"since": "1"}],
)
async def test_a_made_up_place_in_a_log_is_refused(
    api: httpx2.AsyncClient, connection: Connection[Any], query: dict[str, str]
) -> None:
    answer = await api.get(f"/v1/tasks/{rows.submitted(connection)}/logs", params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.json()["errors"][0]["pointer"].startswith("query/")


async def test_a_log_is_hidden_as_its_task_is(secured: Secured, connection: Connection[Any]) -> None:
    task = rows.running(connection, queue="bank")
    log(connection, task, "balance: 7")
    reader = await secured.client("read", queues=["mail-*"])
    hidden = await reader.get(f"/v1/tasks/{task}/logs")
    missing = await reader.get(f"/v1/tasks/{UUID(int=1)}/logs")
    assert (hidden.status_code, hidden.json()["detail"]) == (404, missing.json()["detail"])
    assert await messages(await secured.client("read", queues=["bank"]), task) == ["balance: 7"]


async def test_hidden_fields_are_hidden_in_progress_and_logs(dsn: str, connection: Connection[Any]) -> None:
    task = rows.running(connection, payload={"password": "sesame street"})
    rows.progress(connection, task, 0.1, "tried sesame street")
    log(connection, task, "wrong: sesame street")
    async with running(create_app(Settings(auth="off", redact="password"), conninfo=dsn)) as api:
        assert await messages(api, task) == ["wrong: [redacted]"]
        assert (await api.get(f"/v1/tasks/{task}")).json()["progress"]["message"] == "tried [redacted]"
        rows.move_to_history(connection, task, "succeeded", None)
        told = (await api.get(f"/v1/tasks/{task}/events")).text
        assert json.loads(told.split("data: ")[1])["state"] == "succeeded"
        assert "sesame" not in told
