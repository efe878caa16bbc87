"""Verbs on a schedule. One that live code declares can be paused, resumed and run here, and is changed in the code."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import scalar_row

from pgq.db.errors import our_errors
from pgq.db.sql import sql
from pgq.values.errors import ScheduleExists, ScheduleInCode, ScheduleNotFound
from pgq.values.new_schedule import CODE_ALIVE, new_schedule


def create_schedule(
    connection: Connection[Any],
    name: str,
    cron: str,
    kind: str,
    payload: Mapping[str, Any] | None = None,
    *,
    timezone: str = "UTC",
    queue: str | None = None,
    priority: int | str | None = None,
    misfire: str = "once",
    overlap: str = "allow",
    jitter_seconds: float | timedelta = 0.0,
) -> None:
    """Submit `kind` whenever `cron` says so, read in `timezone`, from its first tick after now.

    cron: five fields, six with seconds first, or @daily and its kin. queue, priority: None leaves them to the kind.
    misfire: what becomes of ticks that nobody could fire in time: `skip`, `once` (the newest) or `all`. overlap: `skip`
    makes no task while the last tick's task has not ended. jitter_seconds: fire up to so much later, at random; at most
    a day.

    Raises InvalidTask, naming the field, and ScheduleExists.
    """
    new = new_schedule(
        name, cron, kind, payload, timezone=timezone, queue=queue, priority=priority, misfire=misfire, overlap=overlap,
        jitter_seconds=jitter_seconds,
    )  # fmt: skip
    if changed(connection, "create", asdict(new)) == 0:
        raise ScheduleExists(name)


def put_schedule(
    connection: Connection[Any],
    name: str,
    cron: str,
    kind: str,
    payload: Mapping[str, Any] | None = None,
    *,
    timezone: str = "UTC",
    queue: str | None = None,
    priority: int | str | None = None,
    misfire: str = "once",
    overlap: str = "allow",
    jitter_seconds: float | timedelta = 0.0,
) -> bool:
    """Create a schedule, or replace the whole of it; True when it is new. A paused one stays paused.

    With another cron or timezone it fires from its first tick after now. Raises InvalidTask, and ScheduleInCode.
    """
    new = new_schedule(
        name, cron, kind, payload, timezone=timezone, queue=queue, priority=priority, misfire=misfire, overlap=overlap,
        jitter_seconds=jitter_seconds,
    )  # fmt: skip
    while changed(connection, "put", {**asdict(new), "alive": CODE_ALIVE}) == 0:
        if changed(connection, "create", asdict(new)):
            return True
        if changed(connection, "in_code", {"name": name, "alive": CODE_ALIVE}):
            raise ScheduleInCode(name)
    return False


def delete_schedule(connection: Connection[Any], name: str) -> None:
    """It fires no more; its tasks stay. Raises ScheduleNotFound, and ScheduleInCode."""
    if changed(connection, "delete", {"name": name, "alive": CODE_ALIVE}) == 0:
        require(connection, name)
        raise ScheduleInCode(name)


def pause_schedule(connection: Connection[Any], name: str) -> bool:
    """It fires no more until it is resumed, whoever declares it; False when it was paused. Raises ScheduleNotFound."""
    if changed(connection, "pause", {"name": name}) == 0:
        require(connection, name)
        return False
    return True


def resume_schedule(connection: Connection[Any], name: str) -> bool:
    """It fires again from its first tick after now; False when it was not paused. Raises ScheduleNotFound."""
    if changed(connection, "resume", {"name": name}) == 0:
        require(connection, name)
        return False
    return True


def run_schedule(connection: Connection[Any], name: str) -> UUID:
    """Submit its task now, beside its ticks: paused or not, whatever runs. Raises ScheduleNotFound, QueueFull."""
    with our_errors(), connection.cursor(row_factory=scalar_row) as cursor:
        task: UUID | None = cursor.execute(sql("schedules/run"), {"name": name}).fetchone()
    if task is None:
        raise ScheduleNotFound(name)
    return task


def changed(connection: Connection[Any], verb: str, given: Mapping[str, Any]) -> int:
    """How many rows a statement changed."""
    with our_errors(), connection.cursor() as cursor:
        return cursor.execute(sql(f"schedules/{verb}"), given).rowcount


def require(connection: Connection[Any], name: str) -> None:
    """Raises ScheduleNotFound."""
    if changed(connection, "exists", {"name": name}) == 0:
        raise ScheduleNotFound(name)
