"""JSON that somebody wrote: read as PostgreSQL, Python and whoever wrote it read it alike, or not at all."""

import json
import math
from collections import Counter
from typing import Any

from pgq.values.json_text import Unstorable

Pairs = list[tuple[str, Any]]
LONGEST_PLACE = 200
"""So much of a place is told."""


def parse(text: str) -> Any:
    """The value.

    Raises Unstorable for a key that stands twice in an object (with the place), NaN, and a number beyond a double's
    range; and what Python's decoder raises: JSONDecodeError, ValueError, RecursionError.
    """
    try:
        return DECODER.decode(text)
    except Twice as error:
        raise Unstorable(f"{error} ({place_of_twice(text)})") from None


class Twice(Unstorable):
    """A key stands twice in one object."""


def members(pairs: Pairs) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Twice(f"the key {twice(pairs)[:100]!r} stands twice in one object")
    return found


def twice(pairs: Pairs) -> str:
    (name, _), *_ = Counter(name for name, _ in pairs).most_common(1)
    return name


def place_of_twice(text: str) -> str:
    """Where the object is that DECODER refuses: `#/tasks/0/payload`. Its hook is told no place."""
    refused: list[Members] = []

    def kept(pairs: Pairs) -> Members:
        one = Members(pairs)
        if not refused and len(dict(pairs)) < len(pairs):
            refused.append(one)
        return one

    left = [("#", json.JSONDecoder(object_pairs_hook=kept).decode(text))]
    while left:
        place, value = left.pop()
        if value is refused[0]:
            return place[:LONGEST_PLACE]
        inside = value.pairs if isinstance(value, Members) else enumerate(value) if isinstance(value, list) else ()
        left += [(f"{place}/{escaped(name)}", one) for name, one in inside]
    raise AssertionError("what was refused is in the text")


class Members:
    """An object with all its keys."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs


def escaped(name: str | int) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return str(name).replace("~", "~0").replace("/", "~1")


def number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise Unstorable(f"the number {text[:40]} is out of range")
    return value


def refuse(name: str) -> None:
    raise Unstorable(f"{name} is no JSON")


# Made once: json.loads() makes one for each call that has options.
DECODER = json.JSONDecoder(object_pairs_hook=members, parse_float=number, parse_constant=refuse)
