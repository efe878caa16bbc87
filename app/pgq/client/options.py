"""What a submit call may say of its task, and how it is written in the database's words."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict
from uuid import UUID

from pgq.client.handle import Handle
from pgq.values import fields
from pgq.values.duration import seconds
from pgq.values.errors import InvalidTask
from pgq.values.json_text import Unstorable, from_text, to_text
from pgq.values.task import json_value

KEY_LENGTH = 255
HEADERS_BYTES = 16_384


class Options(TypedDict, total=False):
    """The options of a submit; None is the same as leaving one out.

    queue: the queue's name. priority: 0 to 9 (9 is the most urgent), "low", "normal" or "high" (2, 5, 8).
    delay: seconds or timedelta from now. run_at: an aware datetime, instead of delay. expires_at: not started later.
    max_attempts: 1 to 1000. timeout: seconds or timedelta that one attempt may take.
    key: the same key again within key_window (default one day) is the same request, and answers with the first task.
    depends_on: tasks that have to end first, as handles or ids, at most 10,000. on_parent_failure: what becomes of the
    task when one of them is dead, cancelled or expired: "cancel" (the default) cancels it too, "run" runs it all the
    same, "wait" waits for a dead one to be redriven.
    tags: added to the handler's own. headers: a JSON object that travels with the task.
    connection: submit through it, inside its transaction: psycopg, asyncpg, SQLAlchemy, or django.db.connection.
    """

    queue: str | None
    priority: int | Literal["low", "normal", "high"] | None
    delay: float | timedelta | None
    run_at: datetime | None
    expires_at: datetime | None
    max_attempts: int | None
    timeout: float | timedelta | None
    key: str | None
    key_window: float | timedelta | None
    depends_on: Sequence[UUID | str | Handle[Any]] | None
    on_parent_failure: Literal["cancel", "run", "wait"] | None
    tags: Sequence[str] | None
    headers: Mapping[str, Any] | None
    connection: Any


NOT_YET = frozenset({"concurrency_key", "unique_key", "on_conflict"})


def duration(value: Any, field: str) -> float:
    """Seconds, above 0."""
    length = seconds(value, field)
    if length == 0:
        raise InvalidTask(field, "must be above 0")
    return length


def headers(value: Any) -> dict[str, Any]:
    """A JSON object of at most 16 KB."""
    try:
        text = to_text(fields.headers(value), "it")
    except Unstorable as error:
        raise InvalidTask("headers", str(error)) from None
    if len(text.encode()) > HEADERS_BYTES:
        raise InvalidTask("headers", f"must be a JSON object of at most 16 KB, not {len(text.encode()):,} bytes")
    kept: dict[str, Any] = from_text(text)
    return kept


FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "queue": ("queue", lambda value: fields.name(value, "queue")),
    "priority": ("priority", fields.priority),
    "delay": ("delay_seconds", lambda value: seconds(value, "delay")),
    "run_at": ("run_at", lambda value: json_value(fields.moment(value, "run_at"))),
    "expires_at": ("expires_at", lambda value: json_value(fields.moment(value, "expires_at"))),
    "max_attempts": ("max_attempts", fields.max_attempts),
    "timeout": ("timeout_seconds", lambda value: duration(value, "timeout")),
    "key": ("idempotency_key", lambda value: fields.name(value, "key", KEY_LENGTH)),
    "key_window": ("idempotency_window_seconds", lambda value: duration(value, "key_window")),
    "depends_on": ("depends_on", fields.depends_on),
    "on_parent_failure": ("on_parent_failure", fields.on_parent_failure),
    "tags": ("tags", fields.tags),
    "headers": ("headers", headers),
}
"""Per option: what the database calls it, and what checks it."""


def fields_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are given, checked, as JSON values under the database's names.

    Raises InvalidTask for a value that no task can have, TypeError for a name that is no option.
    """
    given = {name: value for name, value in options.items() if value is not None and name != "connection"}
    for name in given.keys() - FIELDS.keys():
        if name in NOT_YET:
            raise InvalidTask(name, "is not supported by this version")
        raise TypeError(f"{name!r} is not an option; the options are {', '.join(FIELDS)} and connection")
    if "delay" in given and "run_at" in given:
        raise InvalidTask("delay", "cannot be given together with run_at")
    if "key_window" in given and "key" not in given:
        raise InvalidTask("key_window", "means nothing without key")
    if "on_parent_failure" in given and "depends_on" not in given:
        raise InvalidTask("on_parent_failure", "means nothing without depends_on")
    checked = {FIELDS[name][0]: FIELDS[name][1](value) for name, value in given.items()}
    return without_parents(checked) if checked.get("depends_on") == [] else checked


def without_parents(checked: Mapping[str, Any]) -> dict[str, Any]:
    """An empty list says that there are none: the task is like any other."""
    return {name: value for name, value in checked.items() if name not in ("depends_on", "on_parent_failure")}
