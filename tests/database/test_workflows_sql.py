"""Workflows in SQL: how they are submitted, what they come to, what stops and restarts them."""

import asyncio
import json
from typing import Any
from uuid import UUID

import psycopg
import pytest

from pgq.values.outcome import BuryNow, Complete
from tests.verbs import A, B, DONE, FAILED, Database

DEAD = BuryNow(FAILED)


async def flow(db: Database, *tasks: dict[str, Any], on_failure: str = "cancel", on: Any = None) -> UUID:
    """A workflow of echoes; each task says at least its name."""
    whole = {"name": "a flow", "on_failure": on_failure, "tasks": [{"kind": "echo", **task} for task in tasks]}
    submitted: UUID = await db.value("SELECT pgq.submit_workflow(%s::jsonb)", json.dumps(whole), on=on)
    return submitted


def task(name: str, *parents: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "depends_on": list(parents), **more}


async def add(db: Database, workflow: UUID, *tasks: dict[str, Any], on: Any = None) -> list[UUID]:
    added = json.dumps([{"kind": "echo", **one} for one in tasks])
    rows = await db.rows(
        "SELECT id FROM pgq.add_workflow_tasks(%s, %s::jsonb) ORDER BY position", workflow, added, on=on
    )
    return [row["id"] for row in rows]


async def ids(db: Database, workflow: UUID) -> dict[str, UUID]:
    rows = await db.rows("SELECT name, task_id FROM pgq.workflow_tasks WHERE workflow_id = %s", workflow)
    return {row["name"]: row["task_id"] for row in rows}


async def states(db: Database, workflow: UUID) -> dict[str, str]:
    """The state of each task, by its name."""
    return {name: await db.state(id) for name, id in (await ids(db, workflow)).items()}


async def run(db: Database, workflow: UUID, **outcomes: Any) -> list[str]:
    """Let a worker take what is ready, once; the names of what it took. What no outcome is named for succeeds."""
    names = {id: name for name, id in (await ids(db, workflow)).items()}
    took = []
    for claimed in await db.claim():
        name = names[claimed.id]
        await db.ends(claimed, outcomes.get(name, DONE))
        took.append(name)
    return sorted(took)


async def status(db: Database, workflow: UUID) -> dict[str, Any]:
    """What is shown of it: the same before and after a duty has added it up."""
    (before,) = await db.rows("SELECT * FROM pgq.workflow_status WHERE id = %s", workflow)
    return before


async def counts(db: Database, workflow: UUID) -> tuple[Any, ...]:
    """State, total, live, succeeded, cancelled, expired, dead."""
    now = await status(db, workflow)
    return tuple(now[name] for name in ("state", "total", "live", "succeeded", "cancelled", "expired", "dead"))


async def test_try(db: Database) -> None:
    w = await flow(db, task("a"), task("b"), task("c", "a", "b"))
    assert await states(db, w) == {"a": "pending", "b": "pending", "c": "blocked"}
    assert await counts(db, w) == ("running", 3, 3, 0, 0, 0, 0)
    assert await run(db, w) == ["a", "b"]
    assert await counts(db, w) == ("running", 3, 1, 2, 0, 0, 0)
    await db.tick("workflows")
    assert await counts(db, w) == ("running", 3, 1, 2, 0, 0, 0)
    assert await run(db, w) == ["c"]
    assert await counts(db, w) == ("succeeded", 3, 0, 3, 0, 0, 0)
    await db.tick("workflows")
    assert await counts(db, w) == ("succeeded", 3, 0, 3, 0, 0, 0)
    w = await flow(db, task("a"), task("b"), task("c", "a", "b"), task("d"))
    assert await run(db, w, a=DEAD, d=DEAD) == ["a", "b", "d"]
    print(await counts(db, w), await states(db, w))
    await db.tick("workflows")
    print(await counts(db, w), await states(db, w))
    assert await db.value("SELECT pgq.retry_workflow(%s)", w) == 3
    print(await counts(db, w), await states(db, w))
    await db.tick("workflows")
    print(await counts(db, w), await states(db, w))
    assert await run(db, w) == ["a", "d"]
    assert await run(db, w) == ["c"]
    print(await status(db, w), await states(db, w))
