"""Patterns of queue names, such as `mail-*`: a star stands for any characters, everything else for itself."""

import re
from collections.abc import Sequence


def matches(patterns: Sequence[str], name: str) -> bool:
    """Whether one of the patterns fits the whole name; no patterns fit every name."""
    return not patterns or any(re.fullmatch(as_regex(pattern), name, re.DOTALL) for pattern in patterns)


def as_regex(pattern: str) -> str:
    """The pattern for Python's re."""
    return ".*".join(re.escape(part) for part in pattern.split("*"))


def as_like(pattern: str) -> str:
    """The pattern for SQL's LIKE."""
    return re.sub(r"([\\%_])", r"\\\1", pattern).replace("*", "%")
