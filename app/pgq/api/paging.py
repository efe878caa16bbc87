"""Cursors of lists: opaque to clients, made of the place behind which the next page begins."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from pgq.api.problems import FieldError, Problem

LONGEST = 500


def cursor(of: str, *place: str) -> str:
    """The cursor for a place in the list called `of`."""
    text = json.dumps([of, *place], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(binascii.crc32(text).to_bytes(4, "big") + text).rstrip(b"=").decode()


def place(of: str, given: str, *readers: Callable[[str], Any]) -> list[Any]:
    """The place that a cursor of the list `of` stands for, each part as its reader reads it.

    Raises the problem `invalid` for a cursor that this list did not give.
    """
    try:
        if len(given) > LONGEST:
            raise ValueError
        raw = base64.b64decode(given.encode("ascii") + b"=" * (-len(given) % 4), altchars=b"-_", validate=True)
        check, text = raw[:4], raw[4:]
        if binascii.crc32(text).to_bytes(4, "big") != check:
            raise ValueError
        name, *parts = json.loads(text)
        if name != of:
            raise ValueError
        return [read(part) for read, part in zip(readers, parts, strict=True)]
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        reason = "is not a cursor that this list gave; begin without one"
        raise Problem("invalid", f"cursor: {reason}", errors=[FieldError("query/cursor", reason)]) from None


def whole(bits: int) -> Callable[[str], int]:
    """Reads a whole number from 0 that PostgreSQL keeps in so many bits."""

    def read(text: str) -> int:
        number = int(text)
        if not 0 <= number < 1 << (bits - 1):
            raise ValueError
        return number

    return read


BIGINT, INTEGER = whole(64), whole(32)
