"""Verbs on a queue."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import scalar_row

from pgq.db.errors import our_errors
from pgq.db.sql import sql
from pgq.values import fields
from pgq.values.errors import InvalidTask
from pgq.values.queue_settings import SETTINGS, queue_settings


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


def set_queue(connection: Connection[Any], queue: str, given: Mapping[str, Any]) -> None:
    """Set `max_depth`, `timeout_seconds`, `retention_seconds` of a queue; None takes one back, what is left out stays.

    max_depth: how many tasks may wait in it (None: any number); what is submitted beyond is refused.
    timeout_seconds: the timeout of tasks for which neither their submit nor their handler says one.
    retention_seconds: how long its ended tasks are kept, from one hour (None: as long as those of other queues; a
    longer one does not keep them longer).
    The queue needs no tasks yet. Raises InvalidTask for a wrong name or value.
    """
    values = queue_settings(given)
    named = {"queue": fields.name(queue, "queue"), **dict.fromkeys(SETTINGS), **values, "given": list(values)}
    with our_errors(), connection.cursor() as cursor:
        cursor.execute(sql("set_queue"), named)
