"""Schedules: what does not fire as it should."""

from shlex import quote
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from pgq.db.sql import sql
from pgq.doctor.finding import Verdict, bad, good, length
from pgq.doctor.work import SHOWN, some
from pgq.values.new_schedule import CODE_ALIVE

LATE = 60.0
"""Seconds after which a tick is overdue."""


def schedules(connection: Connection[Any]) -> Verdict:
    """Do all schedules fire that are not paused?"""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(sql("doctor/schedules"), {"late": LATE, "alive": CODE_ALIVE}).fetchall()
    failing = [row for row in rows if row["error"]]
    unseen = [row for row in rows if not row["error"] and (row["unseen"] or 0) > CODE_ALIVE]
    late = [row for row in rows if row not in failing and row not in unseen]
    if failing:
        what = [f"{row['name']!r} ({row['error']})" for row in failing]
        names = " ".join(quote(row["name"]) for row in failing[:SHOWN])
        return bad(
            f"could not fire: {some(what)}",
            "mend what the message says: in the code that declares it, or by 'pgq schedules add NAME CRON KIND "
            f"--replace'; until then: pgq schedules pause {names}",
        )
    if unseen:
        what = [f"{row['name']!r} for {length(row['unseen'])}" for row in unseen]
        return bad(
            f"no live worker has them in its code: {some(what)}",
            "start a worker whose app has them; one that is gone from the code for good is forgotten in time",
        )
    if late:
        what = [f"{row['name']!r} for {length(row['late'])}" for row in late]
        return bad(
            f"overdue: {some(what)}",
            "start a worker: every worker does maintenance; if one runs, its log says why the scheduler fails",
        )
    return good("all fire in time")
