"""Configured fields are hidden wherever a task is shown."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from psycopg import Connection

from pgq.api.app import create_app
from pgq.values.settings import Settings
from tests.api.conftest import running
from tests.cli import rows

SECRET = "hunter2-secret"


@pytest.fixture
async def api(dsn: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with running(create_app(Settings(auth="off", redact="password,card.*"), conninfo=dsn)) as client:
        yield client


async def test_no_answer_shows_a_hidden_field(
    api: httpx2.AsyncClient, connection: Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    payload = {"password": SECRET, "card": {"number": SECRET}, "user": "ada"}
    body = {"kind": "echo", "payload": payload, "idempotency_key": "k", "delay_seconds": 3600}
    made = await api.post("/v1/tasks", json=body)
    task = made.json()["id"]
    assert made.json()["payload"] == {"password": "[redacted]", "card": {"number": "[redacted]"}, "user": "ada"}
    stored = connection.execute("SELECT payload ->> 'password' FROM pgq.tasks").fetchone()
    assert stored == (SECRET,), "the handler is given it"

    answers = [
        made,
        await api.post("/v1/tasks", json=body),
        await api.get("/v1/tasks"),
        await api.get(f"/v1/tasks/{task}"),
    ]
    answers.append(await api.patch(f"/v1/tasks/{task}", json={"priority": 1}))
    answers.append(await api.post(f"/v1/tasks/{task}/retry"))
    connection.execute(
        "INSERT INTO pgq.attempts (task_id, lease_epoch, attempt, error) VALUES (%s, 1, 1, %s)",
        [task, json.dumps({"type": "E", "message": f"no {SECRET}", "traceback": SECRET})],
    )
    answers.append(await api.get(f"/v1/tasks/{task}/attempts"))
    assert answers[-1].json()["items"][0]["error"]["message"] == "no [redacted]"
    rows.bury(connection, task, message=f"wrong password {SECRET}")
    answers.append(await api.get(f"/v1/tasks/{task}"))
    assert answers[-1].json()["error"]["message"] == "wrong password [redacted]"
    answers.append(await api.get("/v1/dlq"))
    answers.append(await api.get(f"/v1/dlq/{task}"))
    answers.append(await api.post("/v1/tasks", json={"kind": "echo", "payload": payload, "priority": SECRET}))
    assert [answer.status_code for answer in answers] == [201, *[200] * 9, 422]
    for answer in answers[:-1]:
        assert SECRET not in answer.text
    assert SECRET not in caplog.text
