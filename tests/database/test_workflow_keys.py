"""A workflow with a key is submitted once: the same again is answered with the first one."""

import asyncio
import json
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.flows import node
from tests.verbs import Connection, Database

WHOLE: dict[str, Any] = {
    "name": "report",
    "idempotency_key": "k",
    "tasks": [node("a", payload={"n": 1, "m": {"x": [1]}}), node("b", "a", on_parent_failure="run")],
}


async def submit(db: Database, whole: object = WHOLE, *, on: Connection | None = None) -> UUID:
    found: UUID = await db.value("SELECT pgq.submit_workflow(%s::jsonb)", json.dumps(whole), on=on)
    return found


async def stored(db: Database) -> tuple[int, int]:
    return await db.value("SELECT count(*) FROM pgq.workflows"), await db.value(
        "SELECT count(*) FROM pgq.workflow_tasks"
    )


async def test_the_same_again_is_answered_with_the_first_and_adds_nothing(db: Database) -> None:
    first = await submit(db)
    again = {
        "tasks": [
            {"kind": "echo", "name": "a", "payload": {"m": {"x": [1]}, "n": 1}, "queue": "other", "id": None},
            {"name": "b", "kind": "echo", "payload": None, "depends_on": ["a"], "on_parent_failure": "run"},
        ],
        "idempotency_key": "k",
        "on_failure": "cancel",
        "name": "report",
    }
    assert await submit(db, again) == first
    assert await stored(db) == (1, 2)
    await db.run("SELECT pgq.cancel_workflow(%s)", first)
    assert await submit(db) == first


async def test_without_a_key_or_with_another_it_is_another_one(db: Database) -> None:
    ids = {await submit(db), await submit(db, {**WHOLE, "idempotency_key": "l"})}
    for _ in range(2):
        ids.add(await submit(db, {**WHOLE, "idempotency_key": None}))
    assert len(ids) == 4


@pytest.mark.parametrize(
    "other",
    [
        {"name": "reports"},
        {"on_failure": "continue"},
        {"rest": "1"},
        {"tasks": WHOLE["tasks"][:1]},
        {"tasks": [node("a", payload={"n": 2, "m": {"x": [1]}}), WHOLE["tasks"][1]]},
        {"tasks": [{**WHOLE["tasks"][0], "kind": "other"}, WHOLE["tasks"][1]]},
        {"tasks": [WHOLE["tasks"][0], node("c", "a", on_parent_failure="run")]},
        {"tasks": [WHOLE["tasks"][0], node("b", "a")]},
        {"tasks": [WHOLE["tasks"][0], node("b")]},
    ],
)
async def test_another_content_under_a_known_key_is_a_conflict(db: Database, other: dict[str, Any]) -> None:
    await submit(db)
    with pytest.raises(psycopg.Error, match="idempotency_key: k was used for another workflow") as refused:
        await submit(db, {**WHOLE, **other})
    assert refused.value.sqlstate == "PQ001"
    assert await stored(db) == (1, 2)


@pytest.mark.parametrize("key", ["", "k" * 256, 1, ["k"]])
async def test_a_key_is_text_of_1_to_255_characters(db: Database, key: object) -> None:
    with pytest.raises(psycopg.Error, match="idempotency_key: must have 1 to 255 characters"):
        await submit(db, {**WHOLE, "idempotency_key": key})
    assert await stored(db) == (0, 0)


@pytest.mark.parametrize("commits", [True, False])
async def test_of_two_at_once_the_second_waits_for_the_first(db: Database, commits: bool) -> None:
    one, two = await db.another(autocommit=False), await db.another()
    first = await submit(db, on=one)
    second = asyncio.create_task(submit(db, on=two))
    await db.until_waiting(two)
    await (one.commit() if commits else one.rollback())
    assert (await second == first) is commits
    assert await stored(db) == (1, 2)


async def test_a_key_is_free_again_once_its_workflow_is_forgotten(db: Database) -> None:
    first = await submit(db)
    await db.run("DELETE FROM pgq.workflow_tasks")
    await db.run("DELETE FROM pgq.workflows")
    await db.run("DELETE FROM pgq.tasks")
    assert await submit(db) != first


async def test_a_submitter_may_send_it_again(db: Database) -> None:
    session = await db.another()
    await session.execute("SET ROLE pgq_submitter")
    assert await submit(db, on=session) == await submit(db, on=session)
