"""What is changed at a terminal is in the audit log, in the words that the same change over HTTP leaves there."""

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pgq.db.filters import DeadLetterFilter, TaskFilter
from pgq.values.task import TaskStatus, json_value

if TYPE_CHECKING:
    from psycopg import Connection

    from pgq.operate.bulk import Note

ONE_OF = {"states": "state", "queues": "queue", "kinds": "kind", "tags": "tag", "error_types": "error_type"}
"""What the options, and the fields over HTTP, call the several values of a filter."""


def record(connection: "Connection[Any]", action: str, target: str, details: Mapping[str, Any] | None = None) -> None:
    """Write down who does `action` (`schedule.pause`) to `target`. Call it inside the change's transaction."""
    from pgq.db.audit import append_from_command_line

    append_from_command_line(connection, actor=who(), action=action, target=target, details=details or {})


def of_task(task: TaskStatus) -> dict[str, Any]:
    """What a line about a task tells of it, as it was before the change."""
    return {"kind": task.kind, "queue": task.queue}


def each_batch(action: str, which: TaskFilter | DeadLetterFilter, *, everything: bool, limit: int | None) -> "Note":
    """Writes a line for each batch of a verb by filter, inside its transaction."""
    asked: dict[str, Any] = {ONE_OF.get(name, name): value for name, value in given_in(which).items()}
    if everything:
        asked["all"] = True
    if limit is not None:
        asked["limit"] = limit

    def note(connection: "Connection[Any]", ids: Sequence[UUID]) -> None:
        from pgq.db.audit import BY_FILTER, of_batch

        record(connection, action, BY_FILTER, of_batch(asked, ids))

    return note


def given_in(which: TaskFilter | DeadLetterFilter) -> dict[str, Any]:
    """The fields of a filter that narrow it, as JSON values."""
    values = {field.name: getattr(which, field.name) for field in fields(which)}
    return {
        name: sorted(value) if isinstance(value, frozenset) else json_value(value)
        for name, value in values.items()
        if value
    }


def who() -> str:
    """The person at the terminal, as far as it is known."""
    try:
        return f"command line ({getpass.getuser()})"
    except (KeyError, OSError):
        return "command line"
