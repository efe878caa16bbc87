"""A schedule as somebody wants it. The database refuses the same, but for what only a cron's reader can tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pgq.values import cron as crons
from pgq.values import fields
from pgq.values.duration import seconds, shown
from pgq.values.errors import InvalidTask
from pgq.values.json_text import Unstorable, to_text

MISFIRES = ("skip", "once", "all")
"""What becomes of ticks that nobody could fire in time: none is made up for, the newest is, or each of them."""
OVERLAPS = ("allow", "skip")
"""Whether a tick makes a task while the task of the last one is not over."""

CRON_LENGTH = crons.LENGTH
LONGEST_JITTER = 86_400.0
CODE_ALIVE = 60.0
"""Seconds for which a schedule of code is there after a live worker has shown it. Later it does not fire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """The checked values; `payload` is JSON text. `queue` and `priority` None leave them to the kind."""

    name: str
    cron: str
    timezone: str
    kind: str
    payload: str
    queue: str | None
    priority: int | None
    misfire: str
    overlap: str
    jitter_seconds: float


def new_schedule(
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
) -> NewSchedule:
    """Check what is wanted. Raises InvalidTask, naming the field and the reason."""
    crons.Cron.parse(cron, timezone)
    return NewSchedule(
        name=fields.name(name, "name"),
        cron=cron,
        timezone=timezone,
        kind=fields.name(kind, "kind"),
        payload=payload_text({} if payload is None else payload),
        queue=None if queue is None else fields.name(queue, "queue"),
        priority=None if priority is None else fields.priority(priority),
        misfire=one_of(MISFIRES, misfire, "misfire"),
        overlap=one_of(OVERLAPS, overlap, "overlap"),
        jitter_seconds=at_most_a_day(jitter_seconds),
    )


# One field each, for doors that check a field at a time.


def cron(value: object) -> str:
    """Five fields, six with seconds first, or an alias."""
    crons.Cron.parse(value)
    return str(value)


def timezone(value: object) -> str:
    """The name of a time zone."""
    crons.zone_named(value)
    return str(value)


def misfire(value: object) -> str:
    """`skip`, `once` or `all`."""
    return one_of(MISFIRES, value, "misfire")


def overlap(value: object) -> str:
    """`allow` or `skip`."""
    return one_of(OVERLAPS, value, "overlap")


def jitter_seconds(value: Any) -> float:
    """From 0 to a day."""
    return at_most_a_day(value)


def at_most_a_day(jitter: float | timedelta) -> float:
    """Seconds."""
    value = seconds(jitter, "jitter_seconds")
    if value > LONGEST_JITTER:
        raise InvalidTask("jitter_seconds", f"must be at most a day, not {shown(jitter)}")
    return value


def one_of(allowed: tuple[str, ...], value: object, field: str) -> str:
    """The value, if it is one of these."""
    if not isinstance(value, str) or value not in allowed:
        raise InvalidTask(field, f"must be {', '.join(allowed[:-1])} or {allowed[-1]}, not {shown(value)!r}")
    return value


def payload_text(payload: object) -> str:
    """A JSON object as text."""
    if not isinstance(payload, Mapping):
        raise InvalidTask("payload", f"must be an object, not {type(payload).__name__}")
    try:
        return to_text(dict(payload), "it")
    except Unstorable as error:
        raise InvalidTask("payload", str(error)) from None
