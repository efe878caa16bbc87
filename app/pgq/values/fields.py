"""What a field of a task may hold. The database refuses the same; this answers without a round trip."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pgq.values.duration import shown
from pgq.values.errors import InvalidTask

PRIORITIES = {"low": 2, "normal": 5, "high": 8}
NAME_LENGTH = 128
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(3000, 1, 1, tzinfo=UTC)
MOST_PARENTS = 10_000
ON_PARENT_FAILURE = ("cancel", "run", "wait")
UNSTORABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def name(value: object, field: str, longest: int = NAME_LENGTH) -> str:
    """A kind, queue, key or tag: text of 1 to `longest` characters without control characters."""
    if not isinstance(value, str):
        raise InvalidTask(field, f"must be text, not {type(value).__name__}")
    if not value or len(value) > longest:
        raise InvalidTask(field, f"must have 1 to {longest} characters, not {len(value)}")
    if found := UNSTORABLE.search(value):
        if found[0] >= "\ud800":
            raise InvalidTask(field, "holds a lone surrogate (half of a character)")
        raise InvalidTask(field, "must not hold control characters")
    return value


def priority(value: object) -> int:
    """0 to 9, or `low`, `normal`, `high` (2, 5, 8); 9 is the most urgent."""
    if isinstance(value, str) and value in PRIORITIES:
        return PRIORITIES[value]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 9:
        raise InvalidTask("priority", f"must be 0 to 9 (9 is the most urgent), low, normal or high, not {shown(value)}")
    return value


def max_attempts(value: object) -> int:
    """1 to 1000."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:
        raise InvalidTask("max_attempts", f"must be a whole number from 1 to 1000, not {shown(value)}")
    return value


def moment(value: object, field: str) -> datetime:
    """A point in time between the years 2000 and 3000, with its time zone."""
    if not isinstance(value, datetime):
        raise InvalidTask(field, f"must be a datetime, not {type(value).__name__}")
    if value.tzinfo is None:
        raise InvalidTask(field, "has no time zone; use datetime.now(timezone.utc) or another aware datetime")
    if not EARLIEST <= value < LATEST:
        raise InvalidTask(field, "must lie between the years 2000 and 3000")
    return value


def tags(value: object) -> list[str]:
    """At most 32 names."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InvalidTask("tags", f"must be a list of texts, not {type(value).__name__}")
    if len(value) > 32:
        raise InvalidTask("tags", f"at most 32, not {len(value)}")
    return [name(tag, "tags") for tag in value]


def headers(value: object) -> dict[str, Any]:
    """An object of at most 16 KB, as JSON."""
    if not isinstance(value, Mapping):
        raise InvalidTask("headers", f"must be an object, not {type(value).__name__}")
    return dict(value)


def depends_on(value: object) -> list[str]:
    """At most 10,000 tasks, each by its UUID, as text, or by what has one as its `id` (a Handle); each counts once."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise InvalidTask("depends_on", f"must be a list of tasks, not {type(value).__name__}")
    parents = list(dict.fromkeys(str(task_id(one, "depends_on")) for one in value))
    if len(parents) > MOST_PARENTS:
        raise InvalidTask("depends_on", f"at most {MOST_PARENTS:,} tasks, not {len(parents):,}")
    return parents


def task_id(value: object, field: str) -> UUID:
    """The id of a task: a UUID, its text, or what has one as its `id`."""
    given = getattr(value, "id", value)
    if isinstance(given, UUID):
        return given
    if not isinstance(given, str):
        raise InvalidTask(field, f"must hold ids of tasks (UUIDs), not {type(value).__name__}")
    try:
        return UUID(given)
    except ValueError:
        raise InvalidTask(field, f"must hold ids of tasks (UUIDs), not {given[:40]!r}") from None


def on_parent_failure(value: object) -> str:
    """What becomes of a task when a parent fails: `cancel` it too, `run` it all the same, or `wait` for a redrive."""
    if value not in ON_PARENT_FAILURE:
        raise InvalidTask("on_parent_failure", f"must be cancel, run or wait, not {shown(value)}")
    return str(value)
