"""The duty that makes tasks of ticks: it reads what is due, computes in Python, and sends all of it in one message."""

import asyncio
import json
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg import AsyncConnection

from pgq.client.ids import uuid7s
from pgq.db.scheduler import DueSchedule, due_schedules, look_again, refuse_crowd, refuse_schedule
from pgq.maintenance.duty import Duty, Work
from pgq.values.cron import Cron
from pgq.values.errors import InvalidTask
from pgq.values.ticks import Ticks, due_ticks, first_tick

log = logging.getLogger("pgq.maintenance")

QUEUE_FULL = "PQ002"
MOST = 1_000
"""Schedules that one turn looks at, and tasks that it makes; what is left over has been due for longest at the next."""


class Scheduler(Duty):
    """Two of them that have read the same make one task of a tick: each moves a schedule on only from where it was."""

    async def work(self, connection: AsyncConnection[Any]) -> Work:
        """Fire what is due now, by the database's clock."""
        await look_again(connection)
        due = await due_schedules(connection, MOST)
        return fire(await asyncio.to_thread(planned, due) if due else [])

    async def pieces(self, connection: AsyncConnection[Any], work: Work, error: psycopg.Error) -> Sequence[Work]:
        """Without those that full queues have no room for; else halves, until each is for one schedule."""
        plan = json.loads(work.parameters["plan"])
        if error.diag.sqlstate == QUEUE_FULL and len(plan) > 1:
            refused = await refuse_crowd(connection, work.parameters["plan"])
            if refused:
                name, why = next(iter(refused.items()))
                log.error("%s: %d schedules do not fit, such as %s: %s", self.name, len(refused), name, why)
                rest = [one for one in plan if one["name"] not in refused]
                return [fire(rest)] if rest else []
        middle = len(plan) // 2
        return [fire(plan[:middle]), fire(plan[middle:])] if middle else []

    async def refused(self, connection: AsyncConnection[Any], work: Work, why: str) -> None:
        """The others have fired; this one says why it could not, and is tried again in a minute."""
        for step in json.loads(work.parameters["plan"]):
            await refuse_schedule(connection, step["name"], why)


def fire(plan: list[dict[str, Any]]) -> Work:
    return Work("schedules/fire", {"plan": json.dumps(plan)}, f"schedule {plan[0]['name']}" if len(plan) == 1 else "")


def planned(due: Sequence[DueSchedule]) -> list[dict[str, Any]]:
    """What is to become of each."""
    most = max(1, MOST // len(due))
    return [step(schedule, most) for schedule in due]


def step(schedule: DueSchedule, most: int) -> dict[str, Any]:
    """What is to become of one schedule: the ticks that fire, and where it goes on. A bad one says so in its row."""
    common = {
        "name": schedule.name,
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "expected": text_of(schedule.next_tick_at),
    }
    try:
        ticks = ticks_of(schedule, most)
    except (InvalidTask, ValueError, ArithmeticError) as error:
        stays: dict[str, Any] = {"next": text_of(schedule.next_tick_at), "due": text_of(schedule.due_at), "ticks": []}
        return {**common, **stays, "error": str(error)}
    fired = [{"tick_at": text_of(tick), "task_id": str(id)} for tick, id in zip(ticks.fire, uuid7s(), strict=False)]
    return {**common, "next": text_of(ticks.next), "due": text_of(ticks.due), "ticks": fired, "error": None}


def ticks_of(schedule: DueSchedule, most: int) -> Ticks:
    """Raises InvalidTask for a cron that cannot be read, or never comes again."""
    cron = Cron.parse(schedule.cron, schedule.timezone)
    first, due, jitter = schedule.next_tick_at, schedule.due_at, schedule.jitter_seconds
    if first is None or due is None:
        return first_tick(cron, schedule.now, jitter)
    return due_ticks(cron, first, due, schedule.now, misfire=schedule.misfire, jitter=jitter, most=most)


def text_of(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
