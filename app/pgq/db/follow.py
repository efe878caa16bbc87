"""Reads of tasks by their ids, for those who wait for them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import scalar_row, tuple_row

from pgq.db.sql import sql
from pgq.values.task import COLUMNS, TaskStatus


class Seen(Protocol):
    """What a change is a change from."""

    id: UUID
    state: str
    attempt: int
    progress_at: datetime | None

    @property
    def progress(self) -> bool:
        """Whether a new progress is a change, too."""


async def look(connection: AsyncConnection[Any], ids: Sequence[UUID]) -> dict[UUID, TaskStatus]:
    """These tasks as they are now; one that nobody has (any more) is missing."""
    async with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        rows = await (await cursor.execute(sql("task_statuses"), {"ids": list(ids)})).fetchall()
    return {row[0]: TaskStatus.of_row(dict(zip(COLUMNS, row, strict=True))) for row in rows}


async def changed(connection: AsyncConnection[Any], seen: Iterable[Seen]) -> list[UUID]:
    """The ids of those tasks that are not as they were seen last."""
    known = list(seen)
    given = {
        "ids": [one.id for one in known],
        "states": [one.state for one in known],
        "attempts": [one.attempt for one in known],
        "progress": [one.progress for one in known],
        "progress_at": [one.progress_at for one in known],
    }
    async with connection.cursor(row_factory=scalar_row, binary=True) as cursor:
        return await (await cursor.execute(sql("changed_tasks"), given)).fetchall()
