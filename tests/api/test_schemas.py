"""Payloads against the JSON Schemas that workers publish."""

from typing import Any

import httpx2
import pytest
from psycopg import Connection
from psycopg.types.json import Json

import pgq
from pgq.api.kinds import Kinds
from pgq.api.schema import checker_of
from tests.api.conftest import Secured

Api = httpx2.AsyncClient


def publish(connection: Connection[Any], kind: str, schema: Any) -> None:
    connection.execute("INSERT INTO pgq.kinds (kind, payload_schema) VALUES (%s, %s)", [kind, Json(schema)])


def published_by_a_handler() -> dict[str, Any]:
    app = pgq.App("postgresql://nowhere")

    @app.task
    def send_email(
        to: str, copies: int = 1, tags: list[str] | None = None, by: dict[str, int] | None = None
    ) -> None: ...

    return send_email.signature.json_schema()


async def errors(api: Api, payload: Any) -> dict[str, str]:
    answer = await api.post("/v1/tasks", json={"kind": "send_email", "payload": payload})
    if answer.status_code == 201:
        return {}
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    return {one["pointer"]: one["detail"] for one in answer.json()["errors"]}


async def test_a_payload_that_the_handler_could_not_take_is_refused_by_field(
    api: Api, connection: Connection[Any]
) -> None:
    publish(connection, "send_email", published_by_a_handler())
    assert await errors(api, {"to": "a@b.c"}) == {}
    assert await errors(api, {"to": "a@b.c", "copies": 2, "tags": ["x"], "by": None}) == {}
    assert await errors(api, {"copies": 2}) == {"#/payload/to": "is missing"}
    assert await errors(api, {"to": 5}) == {"#/payload/to": "must be a string"}
    found = await errors(api, {"to": "a", "copies": "hunter2", "tags": ["a", 5]})
    assert found["#/payload/copies"] == "must be a whole number"
    assert set(found) - {"#/payload/copies"} <= {"#/payload/tags", "#/payload/tags/1"}
    assert "hunter2" not in str(found), "a value may be a secret"
    assert connection.execute("SELECT count(*) FROM pgq.tasks").fetchone() == (2,)


async def test_a_batch_names_the_task_and_the_field(api: Api, connection: Connection[Any]) -> None:
    publish(connection, "send_email", published_by_a_handler())
    many = [{"kind": "send_email", "payload": {"to": "a"}} for _ in range(5)]
    many[3]["payload"] = {"to": "a", "copies": "many"}
    answer = await api.post("/v1/tasks/batch", json={"tasks": many})
    assert [one["pointer"] for one in answer.json()["errors"]] == ["#/tasks/3/payload/copies"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "no such type"},
        {"$ref": "https://example.invalid/schema.json"},
        {"$ref": "#/$defs/missing"},
        {"properties": {"to": {"pattern": "(("}}},
        "text",
        5,
    ],
)
async def test_a_broken_schema_blocks_no_submit(api: Api, connection: Connection[Any], schema: Any) -> None:
    publish(connection, "send_email", schema)
    assert await errors(api, {"to": 5}) == {}


async def test_a_schema_holds_soon_after_it_is_published(
    api: Api, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await errors(api, {}) == {}
    publish(connection, "send_email", {"required": ["to"]})
    monkeypatch.setattr("pgq.api.kinds.FRESH_SECONDS", 0)
    assert await errors(api, {}) == {"#/payload/to": "is missing"}
    connection.execute("UPDATE pgq.kinds SET payload_schema = NULL")
    assert await errors(api, {}) == {}


async def test_kinds_that_cannot_be_read_block_no_submit(
    api: Api, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.execute("ALTER TABLE pgq.kinds RENAME COLUMN payload_schema TO away")
    assert await errors(api, {"to": 5}) == {}


async def test_a_token_is_held_to_its_queues_by_the_queue_that_the_kind_has(
    secured: Secured, connection: Connection[Any]
) -> None:
    mailer = await secured.client("submit", queues=["mail-*"])
    connection.execute("INSERT INTO pgq.kinds (kind, queue) VALUES ('send_email', 'mail-out'), ('pay', 'bank')")
    secured.app.state.services.part(Kinds).read_at = float("-inf")
    answer = await mailer.post("/v1/tasks", json={"kind": "send_email"})
    assert (answer.status_code, answer.json()["queue"]) == (201, "mail-out")
    for body in ({"kind": "pay"}, {"kind": "echo"}, {"kind": "send_email", "queue": "bank"}):
        answer = await mailer.post("/v1/tasks", json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("schema", "value", "path", "reason"),
    [
        ('{"type": ["string", "null"]}', 5, (), "must be a string or null"),
        ('{"anyOf": [{"type": "string"}, {"type": "null"}]}', 5, (), "must be a string or must be null"),
        ('{"properties": {"a": {"enum": ["x", "y"]}}}', {"a": "s"}, ("a",), 'must be one of ["x", "y"]'),
        ('{"properties": {"a": {"const": 1}}}', {"a": 2}, ("a",), "must be 1"),
        ('{"properties": {"a": {"minimum": 3}}}', {"a": 2}, ("a",), "must be at least 3"),
        ('{"properties": {"a": {"exclusiveMaximum": 3}}}', {"a": 3}, ("a",), "must be below 3"),
        ('{"properties": {"a": {"maxLength": 1}}}', {"a": "xy"}, ("a",), "must have at most 1 characters"),
        ('{"items": {"minItems": 1}}', [[]], (0,), "must have at least 1 elements"),
        ('{"properties": {"a": {"pattern": "^x"}}}', {"a": "y"}, ("a",), 'must fit the pattern "^x"'),
        ('{"properties": {"a": {}}, "additionalProperties": false}', {"b": 1}, ("b",), "is not a field of this kind"),
        ('{"multipleOf": 3}', 4, (), "does not fit the kind's schema (multipleOf: 3)"),
    ],
)
def test_reasons_are_in_plain_words(schema: str, value: Any, path: tuple[Any, ...], reason: str) -> None:
    assert [(one.path, one.reason) for one in checker_of(schema)(value)] == [(path, reason)]


def test_each_missing_field_is_named_once() -> None:
    faults = checker_of('{"required": ["a", "b", "c"]}')({"b": 1})
    assert [one.path for one in faults] == [("a",), ("c",)]
