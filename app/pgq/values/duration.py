"""Durations: seconds or timedelta in Python, `90`, `90s`, `5m`, `2h`, `1d` in words."""

import math
import re
from datetime import timedelta

from pgq.values.errors import InvalidTask

LONGEST = 10 * 365 * 86_400.0
"""Ten years, in seconds: no delay or timeout is longer."""

UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
WORDS = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")


def seconds(duration: float | timedelta, field: str) -> float:
    """The duration in seconds. Raises InvalidTask for `field` unless it is finite, at least 0 and at most ten years."""
    if isinstance(duration, bool) or not isinstance(duration, int | float | timedelta):
        raise InvalidTask(field, f"must be seconds or a timedelta, not {type(duration).__name__}")
    try:
        value = duration.total_seconds() if isinstance(duration, timedelta) else float(duration)
    except OverflowError:
        value = math.inf
    if not 0 <= value <= LONGEST:
        raise InvalidTask(field, f"must be between 0 seconds and ten years, not {shown(duration)}")
    return value


def shown(value: object) -> str:
    """The beginning of a refused value, for the message; Python prints no integer of more than 4,300 digits."""
    try:
        return str(value)[:40]
    except ValueError:
        return "a number of more than 4,300 digits"


def parse_duration(words: str, field: str = "duration") -> float:
    """Seconds from `90`, `90s`, `5m`, `2h` or `1d`. Raises InvalidTask for anything else."""
    match = WORDS.fullmatch(words.strip())
    if match is None:
        raise InvalidTask(field, f"must look like 90, 90s, 5m, 2h or 1d, not {words[:40]!r}")
    return seconds(float(match[1]) * UNITS[match[2]], field)
