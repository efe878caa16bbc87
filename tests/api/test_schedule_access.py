"""Schedules over HTTP: who may see and change which, what is written down of it, what is hidden."""

import asyncio
from typing import Any

import httpx2
import psycopg
from psycopg import Connection

from pgq.api.app import create_app
from pgq.values.settings import Settings
from tests.api.conftest import Secured, running
from tests.api.schedules import NIGHTLY, create, names
from tests.until import until_then

WAITS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def test_every_change_is_audited_with_it_and_no_payload_is(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    await create(api, payload={"password": "hunter2"}, queue="reports")
    await api.put("/v1/schedules/nightly", json={"cron": "@daily", "kind": "report"})
    await api.put("/v1/schedules/other", json={"cron": "@daily", "kind": "report"})
    await api.post("/v1/schedules/nightly/pause")
    await api.post("/v1/schedules/nightly/resume")
    task = (await api.post("/v1/schedules/nightly/run")).json()["id"]
    await api.delete("/v1/schedules/nightly")
    await api.delete("/v1/schedules/nightly")
    written = connection.execute("SELECT action, target, details FROM pgq.audit_log ORDER BY id").fetchall()
    assert written == [
        ("schedule.create", "nightly", {"cron": "0 3 * * *", "kind": "report", "queue": "reports"}),
        ("schedule.replace", "nightly", {"cron": "@daily", "kind": "report"}),
        ("schedule.create", "other", {"cron": "@daily", "kind": "report"}),
        ("schedule.pause", "nightly", {}),
        ("schedule.resume", "nightly", {}),
        ("schedule.run", "nightly", {"task": task}),
        ("schedule.delete", "nightly", {}),
    ]


async def test_without_its_audit_line_nothing_is_changed(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    await create(api)
    connection.execute("ALTER TABLE pgq.audit_log ADD CONSTRAINT full_disk CHECK (false) NOT VALID")
    before = connection.execute("SELECT * FROM pgq.schedules").fetchall()
    for method, path in (
        ("PUT", "nightly"), ("PUT", "new"), ("DELETE", "nightly"), ("POST", "nightly/pause"), ("POST", "nightly/run")
    ):  # fmt: skip
        body = {"cron": "@hourly", "kind": "x"} if method == "PUT" else None
        assert (await api.request(method, f"/v1/schedules/{path}", json=body)).status_code == 500
    assert (await api.post("/v1/schedules", json={**NIGHTLY, "name": "new"})).status_code == 500
    assert connection.execute("SELECT * FROM pgq.schedules").fetchall() == before
    assert connection.execute("SELECT count(*) FROM pgq.tasks").fetchone() == (0,)


async def test_configured_fields_of_payloads_are_hidden(dsn: str, connection: Connection[Any]) -> None:
    async with running(create_app(Settings(auth="off", redact="password"), conninfo=dsn)) as api:
        await create(api, payload={"password": "hunter2", "n": 1})
        for path in ("/v1/schedules", "/v1/schedules/nightly"):
            text = (await api.get(path)).text
            assert "hunter2" not in text
            assert '"password":"[redacted]"' in text
        assert "hunter2" not in (await api.post("/v1/schedules/nightly/run")).text
    assert connection.execute("SELECT payload ->> 'password' FROM pgq.tasks").fetchone() == ("hunter2",)


async def test_a_token_for_some_queues_sees_and_changes_the_schedules_of_these_only(
    secured: Secured, connection: Connection[Any]
) -> None:
    connection.execute("INSERT INTO pgq.kinds (kind, queue) VALUES ('bill', 'billing'), ('send', 'mail-eu')")
    await secured.admin.post("/v1/schedules", json={"name": "theirs", "cron": "@daily", "kind": "bill"})
    await secured.admin.post("/v1/schedules", json={"name": "mine", "cron": "@daily", "kind": "send"})
    await secured.admin.post("/v1/schedules", json={"name": "nobodys", "cron": "@daily", "kind": "x"})
    client = await secured.client("read", "operate", "submit", queues=["mail-*"])
    assert [one["name"] for one in (await client.get("/v1/schedules")).json()["items"]] == ["mine"]
    unknown = (await client.get("/v1/schedules/unknown")).json()["detail"]
    for method, path, body in (
        ("GET", "", None),
        ("PUT", "", {"cron": "@daily", "kind": "send"}),
        ("DELETE", "", None),
        ("POST", "/pause", None),
        ("POST", "/resume", None),
        ("POST", "/run", None),
    ):
        answer = await client.request(method, f"/v1/schedules/theirs{path}", json=body)
        assert (answer.status_code, answer.json()["detail"]) == (404, unknown), (method, path)
    for body in (
        {"cron": "@daily", "kind": "bill"},
        {"cron": "@daily", "kind": "send", "queue": "billing"},
        {"cron": "@daily", "kind": "x"},
    ):
        assert (await client.post("/v1/schedules", json={**body, "name": "new"})).status_code == 403
        assert (await client.put("/v1/schedules/mine", json=body)).status_code == 403
    assert names(connection) == ["mine", "nobodys", "theirs"]
    assert (await secured.admin.get("/v1/schedules/theirs")).json()["paused"] is False


async def test_who_may_not_submit_a_task_has_no_schedule_submit_one(
    secured: Secured, connection: Connection[Any]
) -> None:
    await secured.admin.post("/v1/schedules", json=NIGHTLY)
    body = {"cron": "* * * * *", "kind": "anything"}
    for scope, lacks in (("operate", "submit"), ("submit", "operate")):
        client = await secured.client("read", scope)
        for method, path in (("POST", ""), ("PUT", "/nightly"), ("PUT", "/new"), ("POST", "/nightly/run")):
            sent = {**body, "name": "new"} if path == "" else body if method == "PUT" else None
            answer = await client.request(method, f"/v1/schedules{path}", json=sent)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (scope, path)
            assert f"scope {lacks}" in answer.json()["detail"]
    assert names(connection) == ["nightly"]
    assert connection.execute("SELECT cron FROM pgq.schedules").fetchone() == (NIGHTLY["cron"],)
    assert connection.execute("SELECT count(*) FROM pgq.tasks").fetchone() == (0,)
    operator = await secured.client("operate")
    for verb in ("pause", "resume"):
        assert (await operator.post(f"/v1/schedules/nightly/{verb}")).status_code == 200
    assert (await operator.delete("/v1/schedules/nightly")).status_code == 204


async def test_a_schedule_that_comes_up_while_it_is_put_is_looked_at_too(
    secured: Secured, connection: Connection[Any], dsn: str
) -> None:
    client = await secured.client("operate", "submit", queues=["mail-*"])
    with psycopg.connect(dsn) as other:
        other.execute("INSERT INTO pgq.schedules (name, cron, kind, queue) VALUES ('x', '@daily', 'bill', 'billing')")
        body = {"cron": "@hourly", "kind": "send", "queue": "mail-eu"}
        put = asyncio.create_task(client.put("/v1/schedules/x", json=body))
        await until_then(lambda: connection.execute(WAITS).fetchone(), "the PUT to wait")
    assert (await put).status_code == 404
    assert connection.execute("SELECT kind, queue FROM pgq.schedules").fetchall() == [("bill", "billing")]


async def test_what_a_token_for_some_queues_makes_stays_in_the_queue_that_was_checked(
    secured: Secured, connection: Connection[Any]
) -> None:
    connection.execute("INSERT INTO pgq.kinds (kind, queue) VALUES ('send', 'mail-eu')")
    client = await secured.client("read", "operate", "submit", queues=["mail-*"])
    made = await client.post("/v1/schedules", json={"name": "mine", "cron": "@daily", "kind": "send"})
    assert (made.status_code, made.json()["queue"]) == (201, "mail-eu")
    replaced = await client.put("/v1/schedules/mine", json={"cron": "@hourly", "kind": "send"})
    assert (replaced.status_code, replaced.json()["queue"]) == (200, "mail-eu")
