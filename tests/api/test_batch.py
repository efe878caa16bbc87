"""Many tasks in one request, as JSON and as NDJSON."""

import json
from typing import Any

import httpx2
import pytest
from psycopg import Connection

from tests.api.conftest import Secured

Api = httpx2.AsyncClient
NDJSON = {"Content-Type": "application/x-ndjson"}


def tasks(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"kind": "echo", "payload": {"n": n}, **fields} for n in range(count)]


def as_lines(many: list[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(one) for one in many).encode()


async def send(api: Api, many: list[dict[str, Any]], form: str) -> httpx2.Response:
    if form == "json":
        return await api.post("/v1/tasks/batch", json={"tasks": many})
    return await api.post("/v1/tasks/batch", content=as_lines(many), headers=NDJSON)


def stored(connection: Connection[Any]) -> dict[str, int]:
    rows = connection.execute("SELECT id::text, (payload ->> 'n')::integer FROM pgq.tasks").fetchall()
    return dict(rows)


@pytest.mark.parametrize("form", ["json", "ndjson"])
@pytest.mark.parametrize("count", [0, 1, 50, 1_500])
async def test_ids_come_in_the_order_of_the_tasks(api: Api, connection: Connection[Any], form: str, count: int) -> None:
    answer = await send(api, tasks(count), form)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["count"], answer.json()["created"]) == (count, count)
    found = stored(connection)
    assert [found[id] for id in answer.json()["ids"]] == list(range(count))


@pytest.mark.parametrize("form", ["json", "ndjson"])
async def test_every_field_of_a_single_submit_is_known(api: Api, connection: Connection[Any], form: str) -> None:
    fields = {
        "queue": "q",
        "priority": "low",
        "max_attempts": 1,
        "timeout_seconds": 2,
        "tags": ["a"],
        "delay_seconds": 60,
    }
    answer = await send(api, tasks(150, headers={"a": 1}, **fields), form)
    assert answer.status_code == 201, answer.text
    row = connection.execute(
        "SELECT DISTINCT queue, priority, max_attempts, timeout_seconds, tags, headers,"
        " round(extract(epoch FROM run_at - created_at)) FROM pgq.tasks"
    ).fetchall()
    assert row == [("q", 2, 1, 2.0, ["a"], {"a": 1}, 60)]


@pytest.mark.parametrize("form", ["json", "ndjson"])
async def test_keys_are_known_inside_a_batch_and_after_it(api: Api, connection: Connection[Any], form: str) -> None:
    many = tasks(150) + [{"kind": "echo", "payload": {"n": 7}, "idempotency_key": key} for key in ("a", "b", "a")]
    first = (await send(api, many, form)).json()
    assert (first["count"], first["created"]) == (153, 152)
    assert first["ids"][150] == first["ids"][152]
    again = await api.post("/v1/tasks", json={"kind": "echo", "payload": {"n": 7}, "idempotency_key": "b"})
    assert (again.status_code, again.json()["id"]) == (200, first["ids"][151])
    other = await send(api, [*tasks(3), {"kind": "echo", "idempotency_key": "a"}], form)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert len(stored(connection)) == 152


@pytest.mark.parametrize("count", [20, 400])
@pytest.mark.parametrize("form", ["json", "ndjson"])
async def test_one_wrong_task_stores_none_and_is_named_by_its_place(
    api: Api, connection: Connection[Any], form: str, count: int
) -> None:
    above = "#/tasks" if form == "json" else "#"
    many = tasks(count)
    many[17]["payload"] = []
    many[19]["colour"] = "red"
    many[3].update(run_at="2030-01-01T00:00:00Z", delay_seconds=1)
    answer = await send(api, many, form)
    assert answer.status_code == 422
    pointers = [one["pointer"] for one in answer.json()["errors"]]
    assert pointers == [f"{above}/3/delay_seconds", f"{above}/17/payload", f"{above}/19/colour"]
    assert stored(connection) == {}


@pytest.mark.parametrize("count", [20, 400])
async def test_what_only_the_database_refuses_is_named_by_its_place_too(
    api: Api, connection: Connection[Any], count: int
) -> None:
    many = tasks(count)
    many[17]["expires_at"] = "2020-01-01T00:00:00Z"
    answer = await send(api, many, "json")
    assert [one["pointer"] for one in answer.json()["errors"]] == ["#/tasks/17/expires_at"]
    assert stored(connection) == {}


async def test_a_full_queue_takes_none_of_a_batch(api: Api, connection: Connection[Any]) -> None:
    connection.execute("INSERT INTO pgq.queues (name, max_depth) VALUES ('small', 100)")
    answer = await send(api, tasks(150, queue="small"), "json")
    assert (answer.status_code, answer.json()["code"]) == (503, "queue_full")
    assert stored(connection) == {}


async def test_a_batch_holds_ten_thousand_and_no_more(api: Api, connection: Connection[Any]) -> None:
    answer = await send(api, tasks(10_000), "ndjson")
    assert answer.json()["created"] == 10_000
    for form, pointer in (("json", "#/tasks"), ("ndjson", "#")):
        answer = await send(api, tasks(10_001), form)
        assert answer.status_code == 422
        assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
    assert len(stored(connection)) == 10_000


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"tasks": {}}, "#/tasks"),
        ({}, "#/tasks"),
        ([], "#"),
        ({"tasks": [], "all": 1}, "#/all"),
        ({"tasks": [5]}, "#/tasks/0"),
    ],
)
async def test_another_shape_is_refused(api: Api, body: Any, pointer: str) -> None:
    answer = await api.post("/v1/tasks/batch", json=body)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    "line",
    [b"{", b'{"kind": "a", "kind": "b"}', b'{"kind": "a\\u0000"}', b'{"payload": {"a": 1e400}}', b"\xff", b'"\\udfff"'],
)
async def test_a_line_that_is_no_acceptable_json_is_named(api: Api, connection: Connection[Any], line: bytes) -> None:
    answer = await api.post("/v1/tasks/batch", content=as_lines(tasks(5)) + b"\n" + line + b"\n", headers=NDJSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")
    assert [one["pointer"] for one in answer.json()["errors"]] == ["#/5"]
    assert stored(connection) == {}


async def test_another_content_type_is_refused(api: Api) -> None:
    answer = await api.post("/v1/tasks/batch", content=b"{}", headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_a_queue_of_another_token_refuses_the_batch(secured: Secured, connection: Connection[Any]) -> None:
    mailer = await secured.client("submit", queues=["mail-*"])
    allowed = await send(mailer, tasks(3, queue="mail-out"), "json")
    assert allowed.status_code == 201
    assert (await mailer.get(f"/v1/tasks/{allowed.json()['ids'][0]}")).status_code == 200
    answer = await send(mailer, [*tasks(3, queue="mail-out"), {"kind": "echo"}], "json")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert len(stored(connection)) == 3


@pytest.mark.parametrize("form", ["json", "ndjson"])
async def test_what_looks_like_a_task_before_it_is_checked_still(api: Api, form: str) -> None:
    """1 is true to Python, and equal tasks are checked once: a wrong one behind a right one must not slip through."""
    good: list[dict[str, Any]] = [{"kind": "echo", "payload": {}, "priority": 1, "max_attempts": 1}] * 2
    wrong = [{**good[0], "priority": True}, {**good[0], "payload": []}, {**good[0], "max_attempts": 1.0}]
    answer = await send(api, [*good, *wrong], form)
    assert answer.status_code == 422
    above = "#/tasks" if form == "json" else "#"
    assert [one["pointer"] for one in answer.json()["errors"]] == [
        f"{above}/2/priority", f"{above}/3/payload", f"{above}/4/max_attempts",
    ]  # fmt: skip


async def test_tasks_that_look_alike_are_stored_as_they_are(api: Api, connection: Connection[Any]) -> None:
    """By COPY, in which lines that are alike but for their payloads are written once."""
    kinds: list[dict[str, Any]] = [{}, {"queue": "q"}, {"priority": 1}, {"tags": ["a"]}, {"headers": {"a": 1}}]
    many = [{"kind": "echo", "payload": {"n": n}, **kinds[n % len(kinds)]} for n in range(200)]
    answer = await send(api, many, "ndjson")
    assert answer.status_code == 201, answer.text
    rows = connection.execute(
        "SELECT (payload ->> 'n')::integer, queue, priority, tags, headers FROM pgq.tasks ORDER BY 1"
    ).fetchall()
    expected = [
        ("default", 5, [], {}), ("q", 5, [], {}), ("default", 1, [], {}), ("default", 5, ["a"], {}),
        ("default", 5, [], {"a": 1}),
    ]  # fmt: skip
    assert rows == [(n, *expected[n % len(expected)]) for n in range(200)]
