"""JSON as PostgreSQL's jsonb can keep it: finite numbers, no NUL, no lone surrogates, bounded size."""

import json
from typing import Any

MAX_BYTES = 1_000_000
"""The longest payload or result, as JSON in UTF-8."""


class Unstorable(ValueError):
    """A value that cannot be kept as JSON; the message says what is wrong with it."""


def to_text(value: object, what: str) -> str:
    """The value as JSON text. Raises Unstorable, naming `what`, when the database could not keep it."""
    if value is None:
        return "null"
    if isinstance(value, str) and len(value) > MAX_BYTES:
        raise Unstorable(f"{what} is over {len(value):,} bytes as JSON; at most {MAX_BYTES:,} are kept")
    try:
        text = ENCODER.encode(value)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise Unstorable(f"{what} is not JSON: {plain(error)}") from error
    if size > MAX_BYTES:
        raise Unstorable(f"{what} is {size:,} bytes as JSON; at most {MAX_BYTES:,} are kept")
    if r"\u0000" in text and "\0" in "".join(strings(json.loads(text))):
        raise Unstorable(f"{what} holds a NUL character, which PostgreSQL cannot keep in JSON")
    return text


def as_json(value: object) -> Any:
    """Models, dataclasses, dates, UUIDs and the like as JSON values; a set has no order to keep, bytes no encoding."""
    if isinstance(value, set | frozenset | bytes | bytearray):
        raise TypeError(f"{type(value).__name__} has no JSON form; return a list or text")
    from pydantic_core import to_jsonable_python  # programs that only declare handlers do without

    return to_jsonable_python(value)


# Made once: json.dumps() makes one for each call that has options.
ENCODER = json.JSONEncoder(default=as_json, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def from_text(text: str) -> Any:
    """The value of JSON text that the database gave. Raises Unstorable for a number that Python cannot read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unstorable(plain(error)) from error


def strings(value: object) -> list[str]:
    """All strings inside a JSON value, keys included, however deep it is."""
    found: list[str] = []
    left = [value]
    while left:
        match left.pop():
            case str() as text:
                found.append(text)
            case dict() as members:
                left += [*members.keys(), *members.values()]
            case list() as items:
                left += items
    return found


def plain(error: BaseException) -> str:
    """The error in words that do not repeat the value, which may be large."""
    match error:
        case UnicodeEncodeError():
            return "a string holds a lone surrogate (half of a character)"
        case RecursionError():
            return "it is nested too deeply"
        case ValueError() if "integer string conversion" in str(error):
            return "an integer has more than 4,300 digits"
        case _:
            return str(error)[:200]
