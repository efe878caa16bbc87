"""Claim tasks and keep them: the statements that give and renew leases."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row

from pgq.db.sql import sql
from pgq.values.task import Claimed, Lease


@dataclass(frozen=True, slots=True)
class Extension:
    """What the database says of a lease that was to be renewed."""

    id: UUID
    held: bool
    extended: bool
    cancel_requested: bool


async def claim(
    connection: AsyncConnection[Any],
    *,
    worker: UUID,
    queues: Sequence[str],
    budgets: Sequence[int],
    kinds: Sequence[str],
    room: int,
    lease: float,
) -> list[Claimed]:
    """Claim up to `room` ready tasks of `kinds`, up to its budget from each queue; most urgent first.

    `lease` is in seconds. Fewer come back when fewer are ready.
    """
    cursor = connection.cursor(binary=True, row_factory=class_row(Claimed))
    await cursor.execute(
        sql("claim"),
        {
            "worker": worker,
            "queues": list(queues),
            "budgets": list(budgets),
            "kinds": list(kinds),
            "room": room,
            "lease": lease,
        },
    )
    return sorted(await cursor.fetchall(), key=lambda task: (-task.priority, task.run_at, task.id))


def extend(connection: Connection[Any], *, worker: UUID, leases: Sequence[Lease], lease: float) -> list[Extension]:
    """Renew exactly these leases for `lease` seconds, and tell which are lost and whose cancellation is asked for."""
    cursor = connection.cursor(binary=True, row_factory=class_row(Extension))
    cursor.execute(
        sql("extend"),
        {
            "worker": worker,
            "ids": [held.id for held in leases],
            "epochs": [held.lease_epoch for held in leases],
            "lease": lease,
        },
    )
    return cursor.fetchall()
