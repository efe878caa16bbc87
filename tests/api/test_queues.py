"""Queues over HTTP: shown, set, paused, resumed."""

from typing import Any

import httpx2
from psycopg import Connection

from pgq.values.queue_settings import LATER
from tests.cli import rows


async def test_a_queue_is_listed_with_its_depth_and_all_its_settings(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    rows.submitted(connection, queue="email")
    rows.dead(connection, queue="email")
    assert (await api.put("/v1/queues/email", json={"max_depth": 5})).status_code == 200
    page = (await api.get("/v1/queues")).json()
    (email,) = page["items"]
    assert page["next_cursor"] is None
    assert (email["queue"], email["pending"], email["ready"], email["dead"]) == ("email", 1, 1, 1)
    assert (email["max_depth"], email["paused"]) == (5, False)
    assert {name: email[name] for name in LATER} == dict.fromkeys(LATER)
    alone = (await api.get("/v1/queues/email")).json()
    assert {**alone, "oldest_ready_seconds": 0} == {**email, "oldest_ready_seconds": 0}


async def test_a_queue_needs_no_row_and_its_name_may_hold_slashes(api: httpx2.AsyncClient) -> None:
    for name, path in (("unheard of", "unheard%20of"), ("a/b", "a%2Fb"), ("a/pause", "a%2Fpause")):
        queue = (await api.get(f"/v1/queues/{path}")).json()
        assert (queue["queue"], queue["pending"], queue["max_depth"]) == (name, 0, None)
        paused = await api.post(f"/v1/queues/{path}/pause", json={})
        assert (paused.json()["queue"], paused.json()["paused"]) == (name, True)


async def test_settings_stay_unless_they_are_named_and_null_takes_one_back(api: httpx2.AsyncClient) -> None:
    await api.put("/v1/queues/email", json={"max_depth": 5, "timeout_seconds": 30})
    await api.put("/v1/queues/email", json={"retention_seconds": 7200, "max_depth": None, "weight": None})
    queue = (await api.get("/v1/queues/email")).json()
    assert (queue["max_depth"], queue["timeout_seconds"], queue["retention_seconds"]) == (None, 30, 7200)


async def test_what_this_version_does_not_have_is_refused_by_name(api: httpx2.AsyncClient) -> None:
    for name in LATER:
        answer = await api.put("/v1/queues/email", json={name: 1})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        (error,) = answer.json()["errors"]
        assert (error["pointer"], error["detail"]) == (f"#/{name}", "is not supported by this version")
    assert (await api.put("/v1/queues/email", json={"colour": "red"})).status_code == 422
    assert (await api.get("/v1/queues")).json()["items"] == []


async def test_wrong_values_are_refused_with_their_place(api: httpx2.AsyncClient) -> None:
    for body in (
        {"max_depth": 0},
        {"max_depth": True},
        {"max_depth": "5"},
        {"max_depth": 2.5},
        {"timeout_seconds": 0},
        {"retention_seconds": 60},
    ):
        answer = await api.put("/v1/queues/email", json=body)
        assert answer.status_code == 422, body
        assert [one["pointer"] for one in answer.json()["errors"]] == [f"#/{next(iter(body))}"]
    for path in ("x" * 129, "a%00b"):
        answer = await api.get(f"/v1/queues/{path}")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "path/name")


async def test_a_pause_lasts_until_a_time_or_a_resume(api: httpx2.AsyncClient) -> None:
    until = "2999-01-01T00:00:00.000000Z"
    paused = (await api.post("/v1/queues/email/pause", json={"until": until})).json()
    assert (paused["paused"], paused["paused_until"]) == (True, until)
    resumed = (await api.post("/v1/queues/email/resume")).json()
    assert (resumed["paused"], resumed["paused_until"]) == (False, None)
    without_body = await api.post("/v1/queues/email/pause")
    assert (without_body.status_code, without_body.json()["paused_until"]) == (200, None)
    for wrong in ("tomorrow", "2030-01-01T00:00:00", 7):
        assert (await api.post("/v1/queues/email/pause", json={"until": wrong})).status_code == 422


async def test_every_change_of_a_queue_is_audited(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    await api.put("/v1/queues/email", json={"max_depth": 5})
    await api.post("/v1/queues/email/pause", json={})
    await api.post("/v1/queues/email/resume")
    written = connection.execute("SELECT action, target, details FROM pgq.audit_log ORDER BY at").fetchall()
    assert written == [
        ("queue.set", "email", {"max_depth": 5}),
        ("queue.pause", "email", {"until": None}),
        ("queue.resume", "email", {}),
    ]
