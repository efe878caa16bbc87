"""The statements that store many requests' tasks at once. The tasks are JSON objects, as text, that hold their ids."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import scalar_row, tuple_row

from pgq.db.sql import sql


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database made of a new task."""

    id: UUID
    queue: str
    state: str
    priority: int
    max_attempts: int
    created_at: datetime
    run_at: datetime
    expires_at: datetime | None
    timeout_seconds: float


async def insert_tasks(connection: AsyncConnection[Any], tasks: Iterable[str]) -> dict[UUID, Stored]:
    """Store tasks without keys, all or none."""
    async with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        rows = await (await cursor.execute(sql("insert_tasks"), {"tasks": array(tasks)})).fetchall()
    return {row[0]: Stored(*row) for row in rows}


async def submit_keyed(connection: AsyncConnection[Any], tasks: Iterable[str], patience: float) -> list[UUID]:
    """Store tasks with keys, all or none; the ids in order: each task's own, or the first one's that had its key.

    Raises psycopg.errors.LockNotAvailable when another session holds a key for more than `patience` seconds.
    """
    given = {"tasks": array(tasks), "patience": f"{patience * 1000:.0f}"}
    async with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        rows = await (await cursor.execute(sql("submit_keyed"), given)).fetchall()
    return [row[1] for row in rows]


async def is_connected(connection: AsyncConnection[Any], pid: int, seconds: float) -> bool:
    """Whether the server process `pid`, which was there `seconds` ago, still is."""
    async with connection.cursor(row_factory=scalar_row) as cursor:
        return bool(await (await cursor.execute(sql("is_connected"), {"pid": pid, "seconds": seconds})).fetchone())


def array(tasks: Iterable[str]) -> str:
    """JSON texts as one JSON array."""
    return f"[{','.join(tasks)}]"
