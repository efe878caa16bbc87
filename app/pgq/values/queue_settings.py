"""What an operator may set of a queue. The database refuses the same; this answers without a round trip."""

from collections.abc import Mapping
from typing import Any

from pgq.values.duration import LONGEST, shown
from pgq.values.errors import InvalidTask
from pgq.values.task import json_value

SETTINGS = ("max_depth", "timeout_seconds", "retention_seconds")
"""Those that take effect, in this version."""
LATER = (
    "max_running",
    "max_running_per_key",
    "rate_limit",
    "rate_limit_per_key",
    "rate_period_seconds",
    "fifo",
    "weight",
    "lease_seconds",
    "keep_history",
    "python_exec",
)
"""Those that are refused, in this version; None is what they are, and may be said."""

DEEPEST = 1_000_000_000
SHORTEST_RETENTION = 3_600.0


def queue_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are given, checked; None takes one back. Raises InvalidTask, naming the field."""
    for name, value in given.items():
        if name in LATER and value is not None:
            raise InvalidTask(name, "is not supported by this version")
        if name not in SETTINGS and name not in LATER:
            raise InvalidTask(name, "is not a setting of a queue")
    return {name: checked(name, value) for name, value in given.items() if name in SETTINGS}


def checked(name: str, value: Any) -> Any:
    """One setting."""
    if value is None:
        return None
    if name == "max_depth":
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= DEEPEST:
            raise InvalidTask(name, f"must be a whole number from 1 to {DEEPEST:,}, not {shown(value)}")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidTask(name, f"must be a number of seconds, not {shown(value)}")
    if name == "timeout_seconds" and not 0 < value <= LONGEST:
        raise InvalidTask(name, f"must be above 0 and at most ten years, not {shown(value)}")
    if name == "retention_seconds" and not SHORTEST_RETENTION <= value <= LONGEST:
        raise InvalidTask(name, f"must be between one hour and ten years, not {shown(value)}")
    return float(value)


def queue_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A queue as JSON values, with every setting that there will be."""
    return {name: json_value(value) for name, value in {**row, **dict.fromkeys(LATER)}.items()}
