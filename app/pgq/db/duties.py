"""The statements of maintenance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncClientCursor, AsyncConnection
from psycopg.rows import class_row
from psycopg.sql import SQL, Identifier

from pgq.db.sql import sql


@dataclass(frozen=True, slots=True)
class Partition:
    """A day's partition whose retention is over."""

    parent: str
    child: str
    attached: bool
    half_detached: bool
    may_drop: bool


async def due_duties(connection: AsyncConnection[Any], duties: Sequence[str]) -> list[str]:
    """Which of these duties are due."""
    cursor = await connection.execute(sql("due_duties"), {"duties": list(duties)})
    return [row[0] for row in await cursor.fetchall()]


async def take_turn_and_do(
    connection: AsyncConnection[Any],
    *,
    duty: str,
    worker: UUID,
    period: float,
    hold: float | None,
    statement: str,
    parameters: Mapping[str, Any],
) -> tuple[int, list[UUID]]:
    """One tick: the lock, the look whether the duty is due, the work and COMMIT, all sent in one message.

    Two statements in one message are one transaction, and the server has all it needs to finish it: a client that
    freezes holds nothing. (A pipeline would not do: it sends each statement by itself, and the event loop may run a
    handler that blocks in between.) Answers how many rows changed, and the ids of the tasks among them.
    """
    cursor = AsyncClientCursor(connection)
    turn = {"duty": duty, "worker": worker, "period": period, "hold": hold}
    await cursor.execute(f"{sql('take_turn')};\n{sql(statement)}", {**parameters, **turn})
    cursor.nextset()
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else (0, [])


async def duty_failed(connection: AsyncConnection[Any], duty: str, period: float, failure: str) -> None:
    """Put a failed duty off by `period` seconds and keep the reason."""
    await connection.execute(sql("duty_failed"), {"duty": duty, "period": period, "failure": failure})


async def candidates(connection: AsyncConnection[Any], statement: str, parameters: Mapping[str, Any]) -> list[UUID]:
    """The tasks that a duty's batch would take."""
    return [row[0] for row in await (await connection.execute(sql(statement), parameters)).fetchall()]


async def make_partitions(connection: AsyncConnection[Any]) -> int:
    """Have the partitions of the coming days; answers how many were made."""
    row = await (await connection.execute(sql("make_partitions"))).fetchone()
    return row[0] if row else 0


async def old_partitions(connection: AsyncConnection[Any], retention: float) -> list[Partition]:
    """The partitions that are wholly older than `retention` seconds."""
    cursor = connection.cursor(row_factory=class_row(Partition))
    return await (await cursor.execute(sql("old_partitions"), {"retention": retention})).fetchall()


async def drop_partition(connection: AsyncConnection[Any], partition: Partition) -> None:
    """Detach without stalling completions, then drop. Outside any transaction, and patient for two seconds at most."""
    names = {"parent": Identifier("pgq", partition.parent), "child": Identifier("pgq", partition.child)}
    await connection.execute(sql("short_lock_timeout"))
    try:
        if partition.attached:
            detach = sql("finish_detaching" if partition.half_detached else "detach_partition")
            await connection.execute(SQL(detach).format(**names))
        await connection.execute(SQL(sql("drop_partition")).format(**names))
    finally:
        if connection.info.transaction_status is not psycopg.pq.TransactionStatus.UNKNOWN:
            await connection.execute(sql("usual_lock_timeout"))


async def make_due(connection: AsyncConnection[Any], duty: str) -> None:
    """Let the next tick find the duty due."""
    await connection.execute(sql("make_due"), {"duty": duty})
