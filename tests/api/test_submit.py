"""Submit over HTTP: what is stored, what is answered, what is refused."""

import asyncio
import json
from typing import Any
from uuid import UUID

import httpx2
import pytest
from psycopg import Connection

from pgq.api import lanes
from pgq.values.task import JSON_KEYS
from tests.until import PATIENCE

Api = httpx2.AsyncClient


async def submit(api: Api, kind: str = "echo", **fields: Any) -> dict[str, Any]:
    answer = await api.post("/v1/tasks", json={"kind": kind, **fields})
    assert answer.status_code == 201, answer.text
    task: dict[str, Any] = answer.json()
    return task


def wrong(answer: httpx2.Response) -> dict[str, str]:
    """What a 422 says of which field."""
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "invalid"
    return {one["pointer"]: one["detail"] for one in answer.json()["errors"]}


async def test_a_new_task_is_answered_whole_with_its_place(api: Api) -> None:
    answer = await api.post("/v1/tasks", json={"kind": "echo", "payload": {"b": 1, "a": [1.5, None, "ü"]}})
    assert answer.status_code == 201
    task = answer.json()
    assert list(task) == [*JSON_KEYS, "created"]
    assert answer.headers["location"] == f"/v1/tasks/{task['id']}"
    assert task["created"] is True
    assert (await api.get(answer.headers["location"])).json() == {name: task[name] for name in JSON_KEYS}
    assert (task["state"], task["queue"], task["priority"], task["max_attempts"]) == ("pending", "default", 5, 4)
    assert task["payload"] == {"b": 1, "a": [1.5, None, "ü"]}
    assert task["depends_on"] == []
    assert UUID(task["id"]).version == 7


async def test_every_field_is_stored_under_its_name(api: Api, connection: Connection[Any]) -> None:
    fields = {
        "payload": {"n": 12345678901234567890},
        "queue": "images",
        "priority": "high",
        "run_at": "2999-01-31T09:00:00+01:00",
        "expires_at": "2999-02-01T00:00:00Z",
        "max_attempts": 2,
        "timeout_seconds": 1.5,
        "idempotency_key": "k:1",
        "idempotency_window_seconds": 60,
        "tags": ["a", "b"],
        "headers": {"trace": "x"},
    }
    task = await submit(api, "resize", **fields)
    assert {name: task[name] for name in fields if name != "idempotency_window_seconds"} == {
        **{name: value for name, value in fields.items() if name != "idempotency_window_seconds"},
        "priority": 8,
        "run_at": "2999-01-31T08:00:00.000000Z",
        "expires_at": "2999-02-01T00:00:00.000000Z",
    }
    assert task["state"] == "scheduled"
    (window,) = connection.execute(
        "SELECT round(extract(epoch FROM expires_at - clock_timestamp())) BETWEEN 30 AND 60 FROM pgq.idempotency_keys"
    ).fetchone() or (None,)
    assert window


async def test_a_delay_counts_from_the_database_s_now(api: Api, connection: Connection[Any]) -> None:
    task = await submit(api, delay_seconds=3600, priority="low")
    assert (task["state"], task["priority"]) == ("scheduled", 2)
    (delay,) = connection.execute("SELECT extract(epoch FROM run_at - created_at) FROM pgq.tasks").fetchone() or (0,)
    assert round(delay) == 3600


async def test_null_is_the_same_as_leaving_a_field_out(api: Api) -> None:
    task = await submit(api, queue=None, priority=None, run_at=None, tags=None, idempotency_key=None, unique_key=None)
    assert (task["queue"], task["priority"], task["tags"]) == ("default", 5, [])


async def test_what_is_left_out_comes_from_the_kind_then_the_queue(api: Api, connection: Connection[Any]) -> None:
    connection.execute(
        "INSERT INTO pgq.kinds (kind, queue, priority, max_attempts) VALUES ('send_email', 'email', 7, 2);"
        "INSERT INTO pgq.queues (name, timeout_seconds) VALUES ('email', 12)"
    )
    task = await submit(api, "send_email")
    assert (task["queue"], task["priority"], task["max_attempts"], task["timeout_seconds"]) == ("email", 7, 2, 12)
    keyed = await submit(api, "send_email", idempotency_key="1")
    assert (keyed["queue"], keyed["priority"], keyed["max_attempts"], keyed["timeout_seconds"]) == ("email", 7, 2, 12)
    task = await submit(api, "send_email", priority=1, queue="slow", timeout_seconds=3)
    assert (task["queue"], task["priority"], task["max_attempts"], task["timeout_seconds"]) == ("slow", 1, 2, 3)


async def test_a_known_key_answers_with_the_first_task(api: Api) -> None:
    first = await submit(api, payload={"n": 1}, idempotency_key="k")
    for options in ({"json": {"kind": "echo", "payload": {"n": 1}, "idempotency_key": "k"}},
                    {"json": {"kind": "echo", "payload": {"n": 1}}, "headers": {"Idempotency-Key": "k"}}):  # fmt: skip
        again = await api.post("/v1/tasks", **options)
        assert again.status_code == 200
        assert again.json() == {**first, "created": False}
        assert again.headers["location"] == f"/v1/tasks/{first['id']}"


async def test_a_known_key_with_another_payload_is_a_conflict(api: Api) -> None:
    await submit(api, payload={"n": 1}, idempotency_key="k")
    for other in ({"kind": "echo", "payload": {"n": 2}}, {"kind": "other", "payload": {"n": 1}}):
        answer = await api.post("/v1/tasks", json=other, headers={"Idempotency-Key": "k"})
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")


async def test_a_header_that_contradicts_the_body_is_refused(api: Api) -> None:
    body = {"kind": "echo", "idempotency_key": "a"}
    assert (await api.post("/v1/tasks", json=body, headers={"Idempotency-Key": "a"})).status_code == 201
    answer = await api.post("/v1/tasks", json=body, headers={"Idempotency-Key": "b"})
    assert "differs" in wrong(answer)["header/idempotency-key"]
    answer = await api.post("/v1/tasks", json={"kind": "echo"}, headers={"Idempotency-Key": "x" * 256})
    assert "255" in wrong(answer)["header/idempotency-key"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("kind", "", "1 to 128"),
        ("kind", "a\tb", "control"),
        ("kind", 5, "text"),
        ("payload", [], "an object, not an array"),
        ("payload", None, "an object, not null"),
        ("queue", "q" * 129, "1 to 128"),
        ("priority", 10, "0 to 9"),
        ("priority", "urgent", "low, normal or high"),
        ("priority", True, "0 to 9"),
        ("priority", 5.0, "0 to 9"),
        ("run_at", "2030-01-01T00:00:00", "no time zone"),
        ("run_at", "tomorrow", "2030-01-31T09:00:00Z"),
        ("run_at", 1893456000, "not a number"),
        ("run_at", "3000-01-01T00:00:00Z", "2000 and 3000"),
        ("run_at", "0001-01-01T00:00:00+10:00", "2000 and 3000"),
        ("expires_at", "2030-01-01", "no time zone"),
        ("delay_seconds", -1, "between 0"),
        ("delay_seconds", "5m", "seconds"),
        ("delay_seconds", 1e300, "ten years"),
        ("max_attempts", 0, "1 to 1000"),
        ("max_attempts", 1001, "1 to 1000"),
        ("timeout_seconds", 0, "above 0"),
        ("idempotency_key", "k" * 256, "1 to 255"),
        ("idempotency_window_seconds", 0, "above 0"),
        ("tags", "a", "list"),
        ("tags", ["a"] * 33, "at most 32"),
        ("tags", [1], "text"),
        ("headers", [], "an object"),
        ("headers", {"a": "x" * 17_000}, "16 KB"),
        ("concurrency_key", "a", "is not supported by this version"),
        ("unique_key", "a", "is not supported by this version"),
        ("on_conflict", "reject", "is not supported by this version"),
        ("depends_on", "0198c0de-0000-7000-8000-000000000000", "list"),
        ("depends_on", ["x"], "UUIDs"),
        ("depends_on", [1], "UUIDs"),
        ("depends_on", [f"0198c0de-0000-7000-8000-{n:012}" for n in range(10_001)], "at most 10,000"),
        ("on_parent_failure", "explode", "cancel, run or wait"),
        ("retries", 3, "not permitted"),
        ("id", "01900000-0000-7000-8000-000000000000", "not permitted"),
    ],
)
async def test_a_wrong_field_is_named_with_its_reason(api: Api, field: str, value: Any, words: str) -> None:
    found = wrong(await api.post("/v1/tasks", json={"kind": "echo", field: value}))
    assert list(found) == [f"#/{field}"]
    assert words in found[f"#/{field}"]


async def test_all_wrong_fields_are_named_at_once(api: Api) -> None:
    answer = await api.post("/v1/tasks", json={"payload": 1, "priority": 99, "colour": "red"})
    assert set(wrong(answer)) == {"#/kind", "#/payload", "#/priority", "#/colour"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"delay_seconds": 1, "run_at": "2030-01-01T00:00:00Z"}, "delay_seconds"),
        ({"idempotency_window_seconds": 60}, "idempotency_window_seconds"),
        ({"on_parent_failure": "run"}, "on_parent_failure"),
        ({"run_at": "2030-01-02T00:00:00Z", "expires_at": "2030-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ],
)
async def test_fields_that_contradict_each_other_are_refused(api: Api, fields: dict[str, Any], field: str) -> None:
    assert list(wrong(await api.post("/v1/tasks", json={"kind": "echo", **fields}))) == [f"#/{field}"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"kind": "echo", "payload": {"a": "x\\u0000y"}}', 400),
        (b'{"kind": "echo", "payload": {"a": "\\ud800"}}', 400),
        (b'{"kind": "echo", "payload": {"\\ud800": 1}}', 400),
        (b'{"kind": "echo", "payload": ' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"}", 400),
        (b'{"kind": "echo", "payload": {"a": 1e400}}', 400),
        (b'{"kind": "echo", "payload": {"a": NaN}}', 400),
        (b'{"kind": "echo", "payload": {"a": 1, "a": 2}}', 400),
        (b'{"kind": "echo", "kind": "other"}', 400),
        (b'{"kind": "echo", "payload": {"a": ' + b"9" * 5_000 + b"}}", 400),
        (b'{"kind": "echo"', 400),
        (b'\xff{"kind": "echo"}', 400),
        (b"", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"echo"', 422),
        (json.dumps({"kind": "echo", "payload": {"a": "x" * 1_000_001}}).encode(), 422),
    ],
)
async def test_a_body_that_cannot_be_kept_is_refused(
    api: Api, connection: Connection[Any], body: bytes, status: int
) -> None:
    answer = await api.post("/v1/tasks", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == {400: "invalid_json", 422: "invalid"}[status]
    assert connection.execute("SELECT count(*) FROM pgq.tasks").fetchone() == (0,)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
async def test_another_content_type_is_refused(api: Api, content_type: str) -> None:
    answer = await api.post("/v1/tasks", content=b'{"kind": "echo"}', headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_one_bad_task_among_many_at_once_refuses_only_itself(api: Api, connection: Connection[Any]) -> None:
    # A constraint of the operator's own, which nothing but the database knows.
    connection.execute("ALTER TABLE pgq.tasks ADD CONSTRAINT no_thirteen CHECK (payload <> '{\"n\": 13}')")
    answers = await asyncio.gather(
        *(api.post("/v1/tasks", json={"kind": "echo", "payload": {"n": n}}) for n in range(40))
    )
    assert [n for n, answer in enumerate(answers) if answer.status_code != 201] == [13]
    assert connection.execute("SELECT count(*) FROM pgq.tasks").fetchone() == (39,)


async def test_a_conflict_among_many_keyed_tasks_refuses_only_itself(api: Api) -> None:
    await submit(api, payload={"n": 0}, idempotency_key="3")
    answers = await asyncio.gather(
        *(
            api.post("/v1/tasks", json={"kind": "echo", "payload": {"n": 1}, "idempotency_key": str(n)})
            for n in range(20)
        )
    )
    assert [answer.status_code for answer in answers] == [201] * 3 + [409] + [201] * 16


async def test_the_same_key_many_times_at_once_makes_one_task(api: Api) -> None:
    answers = await asyncio.gather(
        *(api.post("/v1/tasks", json={"kind": "echo", "idempotency_key": "k"}) for _ in range(30))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 29 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_submits_that_come_together_share_a_commit(api: Api, connection: Connection[Any]) -> None:
    await submit(api)
    await asyncio.gather(*(submit(api, payload={"n": n}) for n in range(100)))
    rows = connection.execute("SELECT count(*), count(DISTINCT xmin::text) FROM pgq.tasks").fetchone()
    assert rows is not None
    assert rows[0] == 101
    assert rows[1] <= 20, "a hundred submits at once need few transactions"


async def test_a_key_that_another_session_holds_keeps_no_other_waiting(
    api: Api, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "LONE_KEY_SECONDS", PATIENCE)
    with connection.transaction():
        connection.execute("SELECT pgq.submit('echo', '{\"n\": 1}', key => 'held')")
        held = asyncio.create_task(submit_keyed(api, "held"))
        others = await asyncio.gather(*(submit_keyed(api, str(n)) for n in range(5)))
        assert [answer.status_code for answer in others] == [201] * 5
        assert not held.done()
    assert (await held).status_code == 200


async def submit_keyed(api: Api, key: str) -> httpx2.Response:
    return await api.post("/v1/tasks", json={"kind": "echo", "payload": {"n": 1}, "idempotency_key": key})


async def test_a_full_queue_is_told_to_its_own_submitters_only(api: Api, connection: Connection[Any]) -> None:
    connection.execute("INSERT INTO pgq.queues (name, max_depth) VALUES ('small', 1)")
    await submit(api, queue="small")
    small, other = await asyncio.gather(
        api.post("/v1/tasks", json={"kind": "echo", "queue": "small"}), api.post("/v1/tasks", json={"kind": "echo"})
    )
    assert (small.status_code, small.json()["code"]) == (503, "queue_full")
    assert small.headers["retry-after"]
    assert other.status_code == 201
