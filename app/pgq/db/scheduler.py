"""The statements of the scheduler, and of the workers whose code declares schedules."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row, tuple_row

from pgq.db.sql import sql
from pgq.values.new_schedule import CODE_ALIVE, NewSchedule


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """A schedule that needs something: `now` is the database's time at which it was read."""

    name: str
    cron: str
    timezone: str
    misfire: str
    jitter_seconds: float
    next_tick_at: datetime | None
    due_at: datetime | None
    now: datetime


async def due_schedules(connection: AsyncConnection[Any], most: int) -> list[DueSchedule]:
    """Up to `most` schedules that are due, or have no next tick yet; those that have been due for longest first."""
    cursor = connection.cursor(row_factory=class_row(DueSchedule))
    return await (await cursor.execute(sql("schedules/due"), {"most": most, "alive": CODE_ALIVE})).fetchall()


async def look_again(connection: AsyncConnection[Any]) -> None:
    """Forget what comes next where the clock was put back since the last turn."""
    await connection.execute(sql("schedules/look_again"))


async def refuse_schedule(connection: AsyncConnection[Any], name: str, why: str) -> None:
    """Say in its row why a schedule could not fire; the scheduler tries it again in a minute."""
    await connection.execute(sql("schedules/refuse"), {"name": name, "why": why})


async def refuse_crowd(connection: AsyncConnection[Any], plan: str) -> dict[str, str]:
    """Say in their rows which of a plan's schedules full queues have no room for; answers these, and why."""
    cursor = connection.cursor(row_factory=tuple_row)
    return dict(await (await cursor.execute(sql("schedules/refuse_crowd"), {"plan": plan})).fetchall())


def publish_schedules(connection: Connection[Any], schedules: Iterable[NewSchedule]) -> None:
    """Have what an app's code declares in the table, unless a user's schedule has the name."""
    connection.execute(sql("schedules/publish"), {"schedules": as_json(schedules)})


def see_schedules(connection: Connection[Any], schedules: Iterable[NewSchedule]) -> dict[str, str]:
    """A live worker has these in its code. Answers those that the table has, and whose they are: `code` or `user`."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        return dict(cursor.execute(sql("schedules/see"), {"schedules": as_json(schedules)}).fetchall())


def as_json(schedules: Iterable[NewSchedule]) -> str:
    return json.dumps([{**asdict(schedule), "payload": json.loads(schedule.payload)} for schedule in schedules])
