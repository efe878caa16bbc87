"""Schedules over HTTP: made, shown, replaced, paused, run at once, deleted."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from psycopg import Connection

from tests.api.schedules import NIGHTLY, create, names
from tests.cli import rows

KEYS = {
    "name", "cron", "timezone", "kind", "payload", "queue", "priority", "misfire", "overlap", "jitter_seconds",
    "source", "paused", "paused_at", "next_tick_at", "next_ticks", "last_tick_at", "last_task_id", "error",
    "error_at", "seen_at", "created_at", "updated_at",
}  # fmt: skip


def in_code(connection: Connection[Any], name: str = "nightly") -> None:
    """The schedule is now declared by an app's code."""
    connection.execute("UPDATE pgq.schedules SET source = 'code', seen_at = clock_timestamp() WHERE name = %s", [name])


async def test_a_schedule_is_made_with_its_defaults_and_shown_with_its_next_ten_ticks(api: httpx2.AsyncClient) -> None:
    answer = await api.post("/v1/schedules", json=NIGHTLY)
    made = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/schedules/nightly")
    assert set(made) == KEYS
    said = {
        key: made[key] for key in ("timezone", "payload", "queue", "priority", "misfire", "overlap", "jitter_seconds")
    }
    assert said == {
        "timezone": "UTC", "payload": {}, "queue": None, "priority": None, "misfire": "once", "overlap": "allow",
        "jitter_seconds": 0,
    }  # fmt: skip
    assert (made["source"], made["paused"], made["last_tick_at"], made["error"]) == ("user", False, None, None)
    ticks = [datetime.fromisoformat(tick) for tick in made["next_ticks"]]
    assert len(ticks) == 10
    assert datetime.now(UTC) < ticks[0]
    assert {(tick.hour, tick.minute, tick.second) for tick in ticks} == {(3, 0, 0)}
    assert {later - sooner for sooner, later in pairwise(ticks)} == {timedelta(days=1)}
    shown = (await api.get("/v1/schedules/nightly")).json()
    assert shown == made
    assert (await api.get("/v1/schedules")).json() == {"items": [made], "next_cursor": None}


async def test_what_is_said_is_kept_and_ticks_follow_the_zones_clock(api: httpx2.AsyncClient) -> None:
    said = {
        "cron": "30 0 9 * * 1-5", "timezone": "Asia/Kolkata", "payload": {"day": [1]}, "queue": "reports",
        "priority": 8, "misfire": "all", "overlap": "skip", "jitter_seconds": 2.5,
    }  # fmt: skip
    made = await create(api, **{**said, "priority": "high"})
    assert {key: made[key] for key in said} == said
    assert {tick[11:19] for tick in made["next_ticks"]} == {"03:30:30"}


async def test_the_newest_come_first_and_pages_neither_skip_nor_repeat(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    for name in "abcde":
        await create(api, name=name)
    # Of those made in the same moment the name decides.
    connection.execute("UPDATE pgq.schedules SET created_at = '2030-01-01T00:00:00Z' WHERE name IN ('a', 'c', 'e')")
    found: list[str] = []
    cursor: dict[str, str | None] = {}
    for _ in range(3):
        page = (await api.get("/v1/schedules", params={"limit": 2, **cursor})).json()
        found += [one["name"] for one in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
    assert cursor == {"cursor": None}
    assert found == ["e", "c", "a", "d", "b"]
    wrong = await api.get("/v1/schedules", params={"cursor": "x"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "query/cursor")


async def test_a_name_may_hold_slashes(api: httpx2.AsyncClient) -> None:
    for name, path in (("a/b", "a%2Fb"), ("a/pause", "a%2Fpause"), ("a b", "a%20b")):
        answer = await api.put(f"/v1/schedules/{path}", json={"cron": "@daily", "kind": "report"})
        assert (answer.status_code, answer.json()["name"], answer.headers["location"]) == (
            201, name, f"/v1/schedules/{path}"
        )  # fmt: skip
        assert (await api.post(f"/v1/schedules/{path}/pause")).json()["paused"] is True
        assert (await api.get(f"/v1/schedules/{path}")).json()["name"] == name


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("cron", "every day", "field"),
        ("cron", "61 * * * *", ""),
        ("cron", "* * * *", ""),
        ("cron", "", ""),
        ("cron", 5, "text"),
        ("cron", "@fortnightly", ""),
        ("cron", "0 0 30 2 *", ""),
        ("timezone", "Europe/Atlantis", "zone"),
        ("timezone", "../etc/passwd", "zone"),
        ("timezone", 1, ""),
        ("misfire", "twice", "skip, once"),
        ("overlap", "never", "allow"),
        ("jitter_seconds", -1, ""),
        ("jitter_seconds", "5", ""),
        ("jitter_seconds", True, ""),
        ("payload", [1], "object"),
        ("priority", 10, ""),
        ("queue", "", ""),
        ("kind", "x" * 129, "128"),
        ("name", "a\x00b", ""),
        ("colour", "red", ""),
    ],
)
async def test_a_wrong_value_is_refused_with_its_place(
    api: httpx2.AsyncClient, connection: Connection[Any], field: str, value: Any, words: str
) -> None:
    answer = await api.post("/v1/schedules", json={**NIGHTLY, field: value})
    if field == "name":
        assert answer.status_code == 400, "JSON with NUL is none"
        return
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    (error,) = answer.json()["errors"]
    assert error["pointer"] == f"#/{field}"
    assert words in error["detail"]
    assert names(connection) == []
    if field != "name":
        body = {key: given for key, given in {**NIGHTLY, field: value}.items() if key != "name"}
        replaced = await api.put("/v1/schedules/nightly", json=body)
        assert (replaced.status_code, replaced.json()["errors"]) == (422, [error])


async def test_all_that_is_wrong_is_named_at_once(api: httpx2.AsyncClient) -> None:
    answer = await api.post("/v1/schedules", json={"cron": "x", "timezone": "y", "jitter_seconds": -1})
    assert {one["pointer"] for one in answer.json()["errors"]} == {
        "#/name", "#/kind", "#/cron", "#/timezone", "#/jitter_seconds"
    }  # fmt: skip
    assert (await api.get("/v1/schedules/" + "x" * 129)).json()["errors"][0]["pointer"] == "path/name"


async def test_a_payload_that_does_not_fit_its_kind_is_refused_with_the_fields_place(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    connection.execute(
        "INSERT INTO pgq.kinds (kind, payload_schema) VALUES ('report', %s)",
        ['{"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]}'],
    )
    for payload, pointer in (({}, "#/payload/day"), ({"day": 5}, "#/payload/day")):
        for answer in (
            await api.post("/v1/schedules", json={**NIGHTLY, "payload": payload}),
            await api.put("/v1/schedules/x", json={"cron": "@daily", "kind": "report", "payload": payload}),
        ):
            assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert names(connection) == []
    await create(api, payload={"day": "monday"})


async def test_a_name_is_given_once(api: httpx2.AsyncClient) -> None:
    made = await create(api)
    again = await api.post("/v1/schedules", json={**NIGHTLY, "cron": "@hourly"})
    assert (again.status_code, again.json()["code"]) == (409, "duplicate")
    assert "nightly" in again.json()["detail"]
    assert (await api.get("/v1/schedules/nightly")).json() == made


async def test_of_those_who_ask_for_a_name_at_once_one_gets_it(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    answers = await asyncio.gather(*(api.post("/v1/schedules", json=NIGHTLY) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
    answers = await asyncio.gather(
        *(api.put("/v1/schedules/other", json={"cron": "@daily", "kind": f"k{n}"}) for n in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [*[200] * 7, 201]
    assert names(connection) == ["nightly", "other"]


async def test_put_makes_one_or_replaces_the_whole_of_it(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    body = {"cron": "@daily", "kind": "report", "payload": {"n": 1}, "queue": "reports", "misfire": "all"}
    first = await api.put("/v1/schedules/nightly", json=body)
    assert (first.status_code, first.json()["queue"]) == (201, "reports")
    await api.post("/v1/schedules/nightly/pause")
    second = await api.put("/v1/schedules/nightly", json={"cron": "0 0 4 * * *", "kind": "other", "queue": None})
    now = second.json()
    assert (second.status_code, now["kind"], now["payload"], now["queue"], now["misfire"]) == (
        200, "other", {}, None, "once"
    )  # fmt: skip
    assert now["paused"] is True, "whoever paused it did so for a reason that a deploy does not know"
    assert now["created_at"] == first.json()["created_at"]
    assert {tick[11:19] for tick in now["next_ticks"]} == {"04:00:00"}
    assert names(connection) == ["nightly"]


async def test_a_paused_schedule_says_so_and_is_resumed(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    await create(api)
    tick = "2999-01-01T03:00:00.000000Z"
    connection.execute("UPDATE pgq.schedules SET next_tick_at = %s, due_at = %s", [tick, tick])
    assert (await api.get("/v1/schedules/nightly")).json()["next_tick_at"] == tick
    paused = (await api.post("/v1/schedules/nightly/pause")).json()
    assert (paused["paused"], paused["paused_at"] is not None) == (True, True)
    assert (paused["next_tick_at"], len(paused["next_ticks"])) == (None, 10)
    again = (await api.post("/v1/schedules/nightly/pause", json={})).json()
    assert again["paused_at"] == paused["paused_at"]
    resumed = (await api.post("/v1/schedules/nightly/resume")).json()
    assert (resumed["paused"], resumed["paused_at"]) == (False, None)
    assert (await api.post("/v1/schedules/nightly/resume")).status_code == 200


async def test_run_submits_its_task_now_paused_or_not(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    await create(api, payload={"n": 1}, queue="reports", priority=8)
    await api.post("/v1/schedules/nightly/pause")
    answer = await api.post("/v1/schedules/nightly/run")
    task = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/v1/tasks/{task['id']}")
    assert (task["kind"], task["payload"], task["queue"], task["priority"]) == ("report", {"n": 1}, "reports", 8)
    assert (task["state"], task["headers"]["schedule"]) == ("pending", "nightly")
    assert rows.state(connection, task["id"]) == "pending"
    assert connection.execute("SELECT count(*) FROM pgq.schedule_ticks").fetchone() == (0,)


async def test_run_answers_a_full_queue(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    await create(api, queue="reports")
    await api.put("/v1/queues/reports", json={"max_depth": 1})
    assert (await api.post("/v1/schedules/nightly/run")).status_code == 201
    full = await api.post("/v1/schedules/nightly/run")
    assert (full.status_code, full.json()["code"]) == (503, "queue_full")


async def test_a_deleted_schedule_is_gone_and_its_tasks_stay(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    await create(api)
    task = (await api.post("/v1/schedules/nightly/run")).json()["id"]
    assert (await api.delete("/v1/schedules/nightly")).status_code == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/run")):
        answer = await api.request(method, f"/v1/schedules/nightly{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, path)
    assert rows.state(connection, task) == "pending"


async def test_what_code_declares_is_paused_and_run_but_changed_in_the_code(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    await create(api)
    in_code(connection)
    for answer in (
        await api.put("/v1/schedules/nightly", json={"cron": "@hourly", "kind": "report"}),
        await api.delete("/v1/schedules/nightly"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
        assert "code" in answer.json()["detail"]
    shown = (await api.get("/v1/schedules/nightly")).json()
    assert (shown["source"], shown["cron"], shown["seen_at"] is not None) == ("code", "0 3 * * *", True)
    assert (await api.post("/v1/schedules/nightly/pause")).json()["paused"] is True
    assert (await api.post("/v1/schedules/nightly/run")).status_code == 201
    assert (await api.post("/v1/schedules/nightly/resume")).json()["paused"] is False


async def test_a_cron_that_sql_wrote_and_nobody_can_read_is_shown_with_its_error(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    connection.execute("INSERT INTO pgq.schedules (name, cron, kind) VALUES ('odd', '99 * * * *', 'report')")
    connection.execute("UPDATE pgq.schedules SET error = 'minute: 99', error_at = clock_timestamp()")
    await create(api)
    items = (await api.get("/v1/schedules")).json()["items"]
    assert [(one["name"], len(one["next_ticks"]), one["error"]) for one in items] == [
        ("nightly", 10, None),
        ("odd", 0, "minute: 99"),
    ]
