"""The schedules, as they are read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row, scalar_row

from pgq.db.sql import sql
from pgq.values.schedule import Schedule

Place = tuple[datetime, str]
"""Behind which schedule a page begins: when it was made, and its name."""


def list_schedules(
    connection: Connection[Any],
    *,
    before: Place | None = None,
    limit: int | None = None,
    likes: Sequence[str] | None = None,
) -> list[Schedule]:
    """The newest schedules, from behind `before` on, whose tasks go to a queue that is LIKE one of `likes`."""
    return found(connection, None, before, limit, likes)


def find_schedule(connection: Connection[Any], name: str) -> Schedule | None:
    """One schedule."""
    return next(iter(found(connection, name, None, None, None)), None)


def lock_schedule(connection: Connection[Any], name: str) -> str | None:
    """Keep a schedule as it is until the transaction ends; the queue of its tasks, or None when there is none."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        queue: str | None = cursor.execute(sql("schedules/lock"), {"name": name}).fetchone()
    return queue


def found(
    connection: Connection[Any], name: str | None, before: Place | None, limit: int | None, likes: Sequence[str] | None
) -> list[Schedule]:
    before_at, before_name = before or (None, None)
    given = {
        "name": name,
        "before_at": before_at,
        "before_name": before_name,
        "limit": limit,
        "likes": None if likes is None else list(likes),
    }
    with connection.cursor(row_factory=class_row(Schedule)) as cursor:
        return cursor.execute(sql("schedules/list"), given).fetchall()
