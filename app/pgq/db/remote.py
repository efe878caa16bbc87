"""Workers that work over HTTP: who they are, that they live, what they say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from psycopg import AsyncClientCursor, AsyncConnection, Connection
from psycopg.rows import class_row, scalar_row

from pgq.db.sql import sql
from pgq.values.report import MOST_LINES, NO_MORE
from pgq.values.task import Lease


@dataclass(frozen=True, slots=True)
class RemoteWorker:
    """A registered worker. `token_id`: whose it is; None: registered without a stored token. No `kinds`: every kind."""

    id: UUID
    name: str
    token_id: str | None
    queues: list[str]
    kinds: list[str]
    draining: bool


Ended = Literal["completed", "failed", "put back"]
"""What a worker has said of an attempt."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What decides over a failed attempt."""

    id: UUID
    attempt: int
    max_attempts: int
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line for the log of an attempt, with its number, or to be numbered by the database (None)."""

    lease: Lease
    n: int | None
    level: str
    logger: str
    message: str


def register(connection: Connection[Any], worker: RemoteWorker, *, hostname: str, version: str) -> None:
    """Enter a worker, and its kinds where nobody has published them."""
    connection.execute(
        sql("remote/register"),
        {
            "id": worker.id,
            "name": worker.name,
            "hostname": hostname,
            "version": version,
            "queues": worker.queues,
            "kinds": worker.kinds,
            "token_id": worker.token_id,
        },
    )


def find(connection: Connection[Any], worker: UUID) -> RemoteWorker | None:
    """The worker; None when nobody is registered by this id, or a worker that has a connection of its own."""
    with connection.cursor(row_factory=class_row(RemoteWorker)) as cursor:
        return cursor.execute(sql("remote/find"), {"id": worker}).fetchone()


def drain(connection: Connection[Any], worker: UUID) -> None:
    """Have a worker claim no more."""
    connection.execute(sql("remote/drain"), {"id": worker})


async def beat(connection: AsyncConnection[Any], capacities: Mapping[UUID, int]) -> dict[UUID, RemoteWorker]:
    """Say that these workers live, and how many tasks each is known to take at once; those that are registered."""
    given = {"ids": list(capacities), "capacities": list(capacities.values())}
    async with connection.cursor(binary=True, row_factory=class_row(RemoteWorker)) as cursor:
        return {row.id: row for row in await (await cursor.execute(sql("remote/beat"), given)).fetchall()}


async def see_kinds(connection: AsyncConnection[Any], kinds: Sequence[str]) -> None:
    """Live workers have these kinds."""
    await connection.execute(sql("see_kinds"), {"kinds": list(kinds)})


async def wait_for_tasks(connection: AsyncConnection[Any], workers: Sequence[UUID]) -> None:
    """From here on, whoever submits to a queue of these workers notifies."""
    await connection.execute(sql("remote/wait_for_tasks"), {"ids": list(workers)})


async def stop_waiting(connection: AsyncConnection[Any], workers: Sequence[UUID]) -> None:
    """These workers need not be woken."""
    await connection.execute(sql("remote/stop_waiting"), {"ids": list(workers)})


async def ready_queues(connection: AsyncConnection[Any], queues: Sequence[str]) -> set[str]:
    """Those of the queues in which something is ready, for whatever kind of worker."""
    async with connection.cursor(row_factory=scalar_row) as cursor:
        return set(await (await cursor.execute(sql("remote/ready_queues"), {"queues": list(queues)})).fetchall())


async def attempts(connection: AsyncConnection[Any], leases: Sequence[tuple[UUID, Lease]]) -> dict[UUID, Attempt]:
    """How often these tasks were tried, each with its worker; those whose lease is lost are missing."""
    async with connection.cursor(binary=True, row_factory=class_row(Attempt)) as cursor:
        found = await cursor.execute(sql("remote/attempts"), fences(leases))
        return {row.id: row for row in await found.fetchall()}


async def settled(connection: AsyncConnection[Any], reports: Sequence[tuple[UUID, Lease, Ended]]) -> set[UUID]:
    """The ids of those attempts that have ended by this word of their own worker: no other one counts as said."""
    given = {
        **fences([(worker, lease) for worker, lease, _ in reports]),
        "ends": [end for _, _, end in reports],
    }
    async with connection.cursor(row_factory=scalar_row, binary=True) as cursor:
        return set(await (await cursor.execute(sql("remote/settled"), given)).fetchall())


def fences(leases: Sequence[tuple[UUID, Lease]]) -> dict[str, list[Any]]:
    """Workers and their leases, as arrays."""
    return {
        "ids": [lease.id for _, lease in leases],
        "workers": [worker for worker, _ in leases],
        "epochs": [lease.lease_epoch for _, lease in leases],
    }


async def add_lines(connection: AsyncConnection[Any], worker: UUID, lines: Sequence[Line]) -> None:
    """Write lines behind those that the attempts have said before; of an attempt whose lease is lost none are kept.

    One whose number is there already was said before, perhaps at this very moment and to another service. The lock and
    the lines go out in one message, which is one transaction: a client that freezes keeps nobody waiting.
    """
    await AsyncClientCursor(connection).execute(
        f"{sql('remote/lock_lines')};\n{sql('remote/add_lines')}",
        {
            "worker": worker,
            "ids": [line.lease.id for line in lines],
            "epochs": [line.lease.lease_epoch for line in lines],
            "numbers": [line.n for line in lines],
            "levels": [line.level for line in lines],
            "loggers": [line.logger for line in lines],
            "messages": [line.message for line in lines],
            "most": MOST_LINES + 1,
            "no_more": NO_MORE,
        },
    )
