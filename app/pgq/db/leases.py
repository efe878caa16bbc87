"""Claim tasks and keep them: the statements that give and renew leases."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row, tuple_row

from pgq.db.arrays import integer_array, text_array, time_array, uuid_array
from pgq.db.sql import sql
from pgq.values.lanes import Reading, from_the_start
from pgq.values.task import Claimed, Lease


@dataclass(frozen=True, slots=True)
class Extension:
    """What the database says of a lease that was to be renewed."""

    id: UUID
    held: bool
    extended: bool
    cancel_requested: bool
    expires_at: datetime | None
    """When it was to end before; None: lost, or its task's time is over."""

    @property
    def passed_by(self) -> bool:
        """Whether it is held, and was not renewed only because somebody had locked its row."""
        return self.held and not self.extended and self.expires_at is not None


async def claim(
    connection: AsyncConnection[Any],
    *,
    worker: UUID,
    queues: Sequence[str],
    budgets: Sequence[int],
    kinds: Sequence[str] | None,
    room: int,
    lease: float,
    reading: Reading | None = None,
    durable: bool = True,
) -> list[Claimed]:
    """Claim up to `room` ready tasks of `kinds` (None: every one), up to its budget from each queue; most urgent first.

    `lease` is in seconds. `reading` says where in the lanes to begin (default: at their start). A claim that need not
    be `durable` may be forgotten by a crash of the server, unless it waits for standbys: that is no worse than a
    worker's death, and its fence is never issued again. Fewer tasks come back when fewer are ready.
    """
    lanes = reading or from_the_start(queues)
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    await cursor.execute(
        sql("claim"),
        {
            "worker": worker,
            "queues": text_array(queues),
            "budgets": integer_array(budgets),
            "kinds": None if kinds is None else text_array(kinds),
            "room": room,
            "lease": lease,
            "lanes": text_array(lanes.queues),
            "priorities": integer_array(lanes.priorities),
            "since": time_array(run_at for run_at, _ in lanes.positions),
            "since_ids": uuid_array(task for _, task in lanes.positions),
            "durable": durable,
        },
    )
    tasks = map(Claimed._make, await cursor.fetchall())
    return sorted(tasks, key=lambda task: (-task.priority, task.run_at, task.id))


def extend(connection: Connection[Any], *, worker: UUID, leases: Sequence[Lease], lease: float) -> list[Extension]:
    """Renew exactly these leases for `lease` seconds, and tell which are lost and whose cancellation is asked for.

    Durable only where standbys are waited for, as claims are.
    """
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


def asked_to_cancel(connection: Connection[Any], *, worker: UUID, leases: Sequence[Lease]) -> list[UUID]:
    """The tasks among these whose cancellation is asked for."""
    cursor = connection.execute(
        sql("asked_to_cancel"),
        {"worker": worker, "ids": [held.id for held in leases], "epochs": [held.lease_epoch for held in leases]},
        binary=True,
    )
    return [row[0] for row in cursor]


async def running_here(connection: AsyncConnection[Any], worker: UUID) -> set[Lease]:
    """The leases that the table says this worker has."""
    cursor = await connection.execute(sql("running_here"), {"worker": worker}, binary=True)
    return set(map(Lease._make, await cursor.fetchall()))


async def drained(connection: AsyncConnection[Any], queues: Sequence[str]) -> bool:
    """Whether nothing is ready, running or retrying in these queues; paused ones only have to run nothing."""
    row = await (await connection.execute(sql("drained"), {"queues": list(queues)})).fetchone()
    return row is not None and row[0]


async def server_clock(connection: AsyncConnection[Any]) -> datetime:
    """Ask the server for its time."""
    row = await (await connection.execute(sql("server_time"))).fetchone()
    assert row is not None
    clock: datetime = row[0]
    return clock
