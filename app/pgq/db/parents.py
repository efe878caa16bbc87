"""What the parents of claimed tasks have given."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from pgq.db.sql import sql
from pgq.values.parents import Parent


async def parents_of(
    connection: AsyncConnection[Any], tasks: Sequence[UUID], *, most: int, queues: Sequence[str] | None = None
) -> dict[UUID, list[Parent] | None]:
    """The parents of each of these running tasks; None where their results are more than `most` bytes together.

    queues: patterns for LIKE; a parent in no such queue is left out. One whose retention has ended has no result.
    """
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    given = {"ids": list(tasks), "most": most, "queues": None if queues is None else list(queues)}
    # Planned anew each time: a plan that is kept from when a day's part of the history was empty would read all of it.
    await cursor.execute(sql("parents_of"), given, prepare=False)
    found: dict[UUID, list[Parent] | None] = {task: [] for task in tasks}
    async for child, id, name, result, too_large in cursor:
        if too_large:
            found[child] = None
        elif (parents := found[child]) is not None:
            parents.append(Parent(id, name, result))
    return found
