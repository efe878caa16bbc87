"""The table of workers: who is alive, what they can run, who sleeps."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, Connection

from pgq.db.listener import ListenerState
from pgq.db.sql import sql
from pgq.values.json_text import Unstorable, to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRow:
    """A worker as others see it."""

    id: UUID
    name: str
    hostname: str
    pid: int
    version: str
    queues: list[str]
    kinds: list[str]
    capacity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedKind:
    """What a worker tells all submitters of a handler."""

    kind: str
    queue: str | None
    priority: int | None
    max_attempts: int | None
    timeout_seconds: float | None
    payload_schema: dict[str, Any]


def register(connection: Connection[Any], worker: WorkerRow, kinds: Sequence[PublishedKind]) -> None:
    """Publish the worker's kinds and enter it. Not one transaction: one that froze would hold the kinds of all."""
    connection.execute(sql("publish_kinds"), {"kinds": json.dumps([asdict(storable(kind)) for kind in kinds])})
    connection.execute(sql("register_worker"), asdict(worker))


def storable(kind: PublishedKind) -> PublishedKind:
    """The kind, without its schema when jsonb could not keep that: a default in it may be infinite, or hold a NUL."""
    try:
        to_text(kind.payload_schema, "the schema")
    except Unstorable:
        return replace(kind, payload_schema={"type": "object"})
    return kind


def beat(
    connection: Connection[Any],
    worker: UUID,
    state: str,
    kinds: Sequence[str],
    listener: ListenerState | None = None,
) -> bool:
    """Say that the worker lives, and whether it hears notifications (None: that is not known yet).

    False when it has been pruned and must register again.
    """
    hearing = (listener.state, time.monotonic() - listener.since) if listener else (None, None)
    known = {"id": worker, "state": state, "listener": hearing[0], "listener_for": hearing[1]}
    alive = connection.execute(sql("beat"), known).fetchone() is not None
    connection.execute(sql("see_kinds"), {"kinds": list(kinds)})
    return alive


def leave(connection: Connection[Any], worker: UUID) -> None:
    """Take the worker out of the table."""
    connection.execute(sql("leave"), {"id": worker})


async def wait_for_tasks(connection: AsyncConnection[Any], worker: UUID, queues: Sequence[str]) -> None:
    """From here on, whoever submits to `queues` notifies."""
    await connection.execute(sql("wait_for_tasks"), {"id": worker, "queues": list(queues)})


async def stop_waiting(connection: AsyncConnection[Any], worker: UUID) -> None:
    """The worker is full and need not be woken."""
    await connection.execute(sql("stop_waiting"), {"id": worker})
