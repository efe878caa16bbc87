"""Verbs on a queue."""

from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import scalar_row

from pgq.db.errors import our_errors
from pgq.db.sql import sql
from pgq.values import fields
from pgq.values.errors import InvalidTask


def pause(
    connection: Connection[Any], queue: str, *, until: datetime | None = None, seconds: float | None = None
) -> datetime | None:
    """Workers claim nothing from the queue until `until`, or for `seconds`, or until it is resumed; what runs goes on.

    The queue needs no tasks yet. Answers when the pause ends by itself. Raises InvalidTask for a wrong name or time.
    """
    if until is not None and seconds is not None:
        raise InvalidTask("until", "cannot be given together with a duration")
    given = {
        "queue": fields.name(queue, "queue"),
        "until": None if until is None else fields.moment(until, "until"),
        "seconds": seconds,
    }
    with our_errors(), connection.cursor(row_factory=scalar_row) as cursor:
        ends: datetime | None = cursor.execute(sql("pause"), given).fetchone()
    return ends


def resume(connection: Connection[Any], queue: str) -> bool:
    """End the queue's pause and wake its workers; False when it was not paused."""
    with our_errors(), connection.cursor() as cursor:
        return cursor.execute(sql("resume"), {"queue": fields.name(queue, "queue")}).rowcount > 0
