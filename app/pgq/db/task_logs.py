"""What attempts say while they run: write it down, and read it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row

from pgq.db.sql import sql
from pgq.values.report import LogLine, Said
from pgq.values.task import Lease, json_value

BEGINNING = (0, 0)
"""The place before the first line of any log."""


@dataclass(frozen=True, slots=True)
class KeptProgress:
    """Whether a progress was written; `held` is False when the lease is lost."""

    id: UUID
    held: bool
    kept: bool


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line of a task's log as everybody sees it."""

    task_id: UUID
    lease_epoch: int
    attempt: int
    n: int
    logged_at: datetime
    level: str
    logger: str
    message: str

    @property
    def place(self) -> tuple[int, int]:
        """Where in the task's log it stands: what comes next is behind it."""
        return self.lease_epoch, self.n

    def to_json(self) -> dict[str, Any]:
        """The line as JSON values."""
        return {key: json_value(value) for key, value in asdict(self).items()}


async def keep_progress(
    connection: AsyncConnection[Any], worker: UUID, progress: Mapping[Lease, Said]
) -> list[KeptProgress]:
    """Write the newest progress of these attempts. What somebody has locked at the moment is left out."""
    cursor = connection.cursor(binary=True, row_factory=class_row(KeptProgress))
    await cursor.execute(
        sql("keep_progress"),
        {
            "worker": worker,
            "ids": [lease.id for lease in progress],
            "epochs": [lease.lease_epoch for lease in progress],
            "progress": [json.dumps(asdict(said), ensure_ascii=False) for said in progress.values()],
        },
    )
    return await cursor.fetchall()


async def keep_lines(connection: AsyncConnection[Any], lines: Sequence[LogLine], moments: Sequence[datetime]) -> None:
    """Write lines of logs, each with its moment by the database's clock. The same lines again change nothing."""
    await connection.execute(
        sql("keep_lines"),
        {
            "ids": [line.lease.id for line in lines],
            "epochs": [line.lease.lease_epoch for line in lines],
            "attempts": [line.attempt for line in lines],
            "numbers": [line.n for line in lines],
            "moments": list(moments),
            "levels": [line.level for line in lines],
            "loggers": [line.logger for line in lines],
            "messages": [line.message for line in lines],
        },
    )


async def server_time(connection: AsyncConnection[Any]) -> datetime:
    """The time by the database's clock."""
    row = await (await connection.execute(sql("server_time"))).fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment


def task_logs(
    connection: Connection[Any], task_id: UUID, after: tuple[int, int] = BEGINNING, limit: int = 500
) -> list[LogEntry]:
    """The lines of a task's log behind the place `after`, attempt by attempt, at most `limit`."""
    epoch, n = after
    cursor = connection.cursor(row_factory=class_row(LogEntry))
    return cursor.execute(sql("task_logs"), {"id": task_id, "epoch": epoch, "n": n, "limit": limit}).fetchall()
