"""Schedules as the tests speak of them: made, due, fired; and the question whether each tick has exactly one task."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tests.verbs import Database

YEARLY = "0 0 1 1 *"
"""What the tests' own clocks do not tick for: its due ticks are those that a test says."""

ODD = """
    SELECT r.*, t.* FROM (SELECT * FROM pgq.schedule_ticks WHERE task_id IS NOT NULL) AS r
    FULL JOIN (SELECT headers ->> 'schedule' AS name, (headers ->> 'scheduled_for')::timestamptz AS scheduled_for, id
               FROM pgq.task_status WHERE headers ? 'schedule') AS t
    ON (t.id, t.name, t.scheduled_for) = (r.task_id, r.schedule, r.tick_at)
    WHERE r.task_id IS NULL OR t.id IS NULL
"""
"""Ticks without their task, and tasks that are not those of a tick: a second one, for instance."""


async def make(db: Database, name: str = "s", cron: str = YEARLY, *, due: object = None, **columns: Any) -> None:
    """A schedule, by INSERT; `due` since a moment, or for so many seconds."""
    columns = {"name": name, "cron": cron, "kind": "echo", **columns}
    marks = ", ".join("%s" for _ in columns)
    await db.run(f"INSERT INTO pgq.schedules ({', '.join(columns)}) VALUES ({marks})", *columns.values())
    if due is not None:
        await make_due(db, name, due)


async def make_due(db: Database, name: str, since: object) -> datetime:
    """Its next tick: a moment, or so many seconds ago (below 0: ahead)."""
    moment = "clock_timestamp() - make_interval(secs => %s)" if isinstance(since, int | float) else "%s::timestamptz"
    tick: datetime = await db.value(
        f"WITH at AS (SELECT {moment} AS tick)"
        " UPDATE pgq.schedules SET next_tick_at = at.tick, due_at = at.tick FROM at WHERE name = %s"
        " RETURNING next_tick_at",
        since,
        name,
    )
    return tick


async def row(db: Database, name: str = "s") -> dict[str, Any]:
    (found,) = await db.rows("SELECT * FROM pgq.schedules WHERE name = %s", name)
    return found


async def ticks(db: Database, name: str = "s") -> Sequence[datetime]:
    """The ticks that have a task, and nothing odd about it."""
    assert await db.rows(ODD) == []
    found = await db.rows(
        "SELECT tick_at FROM pgq.schedule_ticks WHERE schedule = %s AND task_id IS NOT NULL ORDER BY tick_at", name
    )
    return [one["tick_at"] for one in found]
