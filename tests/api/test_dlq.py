"""Dead letters over HTTP."""

import json
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from psycopg import Connection

from pgq.api.app import create_app
from pgq.values.settings import Settings
from pgq.values.task import JSON_KEYS
from tests.api.conftest import running
from tests.cli import rows
from tests.cli.rows import state


async def test_the_last_buried_come_first_and_pages_neither_skip_nor_repeat(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    made = [str(rows.dead(connection)) for _ in range(5)]
    # Of those buried in the same moment the id decides.
    connection.execute("UPDATE pgq.dead_tasks SET finished_at = '2030-01-01T00:00:00Z' WHERE id <> %s", [made[0]])
    found: list[str] = []
    cursor: dict[str, str | None] = {}
    for _ in range(3):
        page = (await api.get("/v1/dlq", params={"limit": 2, **cursor})).json()
        found += [one["id"] for one in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
    assert cursor == {"cursor": None}
    assert found == [*sorted(made[1:], reverse=True), made[0]]


async def test_a_dead_letter_has_every_key_of_a_task(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    dead = rows.dead(connection, error_type="KeyError", message="'to'")
    letter = (await api.get(f"/v1/dlq/{dead}")).json()
    assert tuple(letter) == JSON_KEYS
    assert (letter["state"], letter["error"]["type"], letter["error"]["message"]) == ("dead", "KeyError", "'to'")
    assert (await api.get("/v1/dlq")).json()["items"] == [letter]


async def test_filters_narrow_the_list(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    email = str(rows.dead(connection, queue="email", error_type="KeyError"))
    other = str(rows.dead(connection, error_type="ValueError"))
    for query, expected in (
        ({"queue": "email"}, {email}),
        ({"queue": ["email", "default"]}, {email, other}),
        ({"kind": "another"}, set()),
        ({"error_type": "ValueError"}, {other}),
        ({"dead_before": "2999-01-01T00:00:00Z"}, {email, other}),
        ({"dead_after": "2999-01-01T00:00:00Z"}, set()),
    ):
        page = (await api.get("/v1/dlq", params=query)).json()
        assert {one["id"] for one in page["items"]} == expected, query


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"limit": 0}, "query/limit"),
        ({"limit": 501}, "query/limit"),
        ({"cursor": "made up"}, "query/cursor"),
        ({"dead_after": "yesterday"}, "query/dead_after"),
        ({"queue": "a\x00b"}, "query/queue/0"),
        ({"colour": "red"}, "query/colour"),
    ],
)
async def test_wrong_parameters_are_refused_with_their_name(
    api: httpx2.AsyncClient, query: dict[str, Any], pointer: str
) -> None:
    answer = await api.get("/v1/dlq", params=query)
    assert answer.status_code == 422
    assert pointer in [one["pointer"] for one in answer.json()["errors"]]


async def test_redrive_brings_a_letter_back_and_is_audited(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    dead = rows.dead(connection, payload={"n": 1})
    answer = await api.post(f"/v1/dlq/{dead}/redrive")
    assert (answer.status_code, answer.json()["state"], answer.json()["attempt"]) == (200, "pending", 0)
    assert answer.json()["payload"] == {"n": 1}
    assert audited(connection) == [
        ("dlq.redrive", str(dead), {"kind": "echo", "queue": "default", "new_payload": False})
    ]
    assert (await api.get(f"/v1/dlq/{dead}")).status_code == 404
    assert (await api.post(f"/v1/dlq/{dead}/redrive")).json()["code"] == "wrong_state"


async def test_a_redrive_may_bring_a_payload_that_is_checked_as_a_submits(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    connection.execute("INSERT INTO pgq.kinds (kind, payload_schema) VALUES ('echo', %s)", [json.dumps(schema)])
    dead = rows.dead(connection, payload={"n": "one"})
    for payload, pointer in (({"n": "two"}, "#/payload/n"), ([], "#/payload"), ({"n": "x" * 1_000_000}, "#/payload")):
        answer = await api.post(f"/v1/dlq/{dead}/redrive", json={"payload": payload})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert state(connection, dead) == "dead"
    answer = await api.post(f"/v1/dlq/{dead}/redrive", json={"payload": {"n": 2}})
    assert (answer.json()["state"], answer.json()["payload"]) == ("pending", {"n": 2})
    ((_, _, details),) = audited(connection)
    assert details["new_payload"] is True


async def test_what_is_refused_changes_nothing_and_leaves_no_line(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    await api.put("/v1/queues/default", json={"max_depth": 1})
    dead = rows.dead(connection, payload={"n": 1})
    rows.submitted(connection)
    before = audited(connection)
    answer = await api.post(f"/v1/dlq/{dead}/redrive", json={"payload": {"n": 2}})
    assert (answer.status_code, answer.json()["code"]) == (503, "queue_full")
    assert int(answer.headers["retry-after"]) > 0
    assert (await api.get(f"/v1/dlq/{dead}")).json()["payload"] == {"n": 1}
    assert audited(connection) == before


async def test_purge_forgets_a_letter_for_good(api: httpx2.AsyncClient, connection: Connection[Any]) -> None:
    dead, waiting = rows.dead(connection), rows.submitted(connection)
    answer = await api.delete(f"/v1/dlq/{dead}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert state(connection, dead) is None
    assert (await api.delete(f"/v1/dlq/{dead}")).status_code == 404
    assert (await api.delete(f"/v1/dlq/{waiting}")).json()["code"] == "wrong_state"
    assert audited(connection) == [("dlq.purge", str(dead), {"kind": "echo", "queue": "default"})]


async def test_a_task_that_is_no_dead_letter_is_not_found_there(
    api: httpx2.AsyncClient, connection: Connection[Any]
) -> None:
    for id in (rows.submitted(connection), rows.ended(connection), uuid4()):
        answer = await api.get(f"/v1/dlq/{id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await api.get("/v1/dlq/not-an-id")).status_code == 422


async def test_configured_fields_are_hidden_in_dead_letters(dsn: str, connection: Connection[Any]) -> None:
    dead = rows.dead(connection, payload={"card": "4111-1111"}, message="refused 4111-1111")
    async with running(create_app(Settings(auth="off", redact="card"), conninfo=dsn)) as client:
        for answer in (
            await client.get("/v1/dlq"),
            await client.get(f"/v1/dlq/{dead}"),
            await client.post(f"/v1/dlq/{dead}/redrive", json={"payload": {"card": "4111-1111"}}),
        ):
            assert answer.status_code == 200
            assert "4111" not in answer.text


def audited(connection: Connection[Any]) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT action, target, details FROM pgq.audit_log WHERE action LIKE 'dlq.%' ORDER BY at"
    ).fetchall()
