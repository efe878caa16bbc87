"""What /health tells."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from pgq.db.sql import sql


@dataclass(frozen=True, slots=True)
class Figures:
    """The state of the whole, at one moment."""

    workers: int
    pending_tasks: int
    running_tasks: int
    completed_tasks: int
    dead_tasks: int
    timestamp: datetime
    failed_duties: list[str] | None
    unknown_kinds: int

    def reasons(self) -> list[str]:
        """What is not as it should be."""
        found = []
        if self.workers == 0:
            found.append("no worker is running")
        if self.unknown_kinds:
            found.append(f"no live worker has {self.unknown_kinds:,} of the kinds that wait")
        found += [f"the {duty} failed the last time; see pgq.maintenance_status" for duty in self.failed_duties or ()]
        return found


async def figures(connection: AsyncConnection[Any]) -> Figures:
    """The figures, counted now."""
    async with connection.cursor(row_factory=class_row(Figures)) as cursor:
        found = await (await cursor.execute(sql("api/health"))).fetchone()
    assert found is not None
    return found


async def revision(connection: AsyncConnection[Any]) -> str | None:
    """The database's revision, or None before the first migration."""
    found = await (await connection.execute(sql("has_revision"))).fetchone()
    if not found or not found[0]:
        return None
    row = await (await connection.execute(sql("current_revision"))).fetchone()
    return row[0] if row else None
