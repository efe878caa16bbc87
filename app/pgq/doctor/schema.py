"""pgq's own things in the database."""

from typing import Any

from psycopg import Connection

from pgq.db.migrate import head_revision, refuse_newer
from pgq.db.overview import days_of_partitions_ahead
from pgq.db.revision import current_revision, refuse_foreign_schema
from pgq.db.sql import sql
from pgq.doctor.finding import Verdict, bad, good
from pgq.values.errors import SchemaError

TRIGGERS = {
    "accept_task": "nothing fills and checks what plain INSERTs submit",
    "notify_ready": "no submit wakes a worker: tasks are found by polling only",
    "join_workflow": "tasks of workflows have no names there and are not counted",
}
"""The triggers of pgq.tasks, and what it means when one does not fire."""

DAYS_AHEAD = 2


def revision(connection: Connection[Any]) -> Verdict:
    """Is the schema this version's?"""
    try:
        refuse_foreign_schema(connection)
        current, head = current_revision(connection), head_revision()
        refuse_newer(current)
    except SchemaError as error:
        problem, _, fix = str(error).rpartition("; ")
        return bad(problem, fix)
    if current != head:
        return bad(f"the database is at revision {current or 'none'}, not {head}", "pgq migrate")
    return good(f"revision {current}")


def triggers(connection: Connection[Any]) -> Verdict:
    """Do the triggers of the live tasks fire?"""
    present = dict(connection.execute(sql("doctor/triggers")).fetchall())
    missing = [name for name in TRIGGERS if name not in present]
    silent = [name for name in TRIGGERS if name in present and not present[name]]
    if not missing and not silent:
        return good(f"{', '.join(TRIGGERS)} are enabled")
    what = [f"{name} is {'missing' if name in missing else 'disabled'}: {TRIGGERS[name]}" for name in missing + silent]
    fixes = [f"ALTER TABLE pgq.tasks ENABLE TRIGGER {name};" for name in silent]
    if missing:
        fixes.append(f"run what 'pgq migrate --sql' prints from CREATE TRIGGER {missing[0]} on")
    return bad("; ".join(what), " ".join(fixes))


def partitions(connection: Connection[Any]) -> Verdict:
    """Have the coming days their partitions? Without one, no task can end that day."""
    days = days_of_partitions_ahead(connection)
    if days < DAYS_AHEAD:
        detail = "today's is missing: no task can end" if days < 0 else f"made for {days} days ahead only"
        return bad(detail, "start a worker, which makes them, or run SELECT pgq.make_partitions();")
    return good(f"made for {days} days ahead")
