"""Cursors of lists: opaque to clients, made of the place behind which the next page begins."""

import base64
import binascii
import json
from typing import Any

from pgq.values.errors import InvalidTask

LONGEST = 500


def cursor(of: str, *place: str) -> str:
    """The cursor for a place in the list called `of`."""
    text = json.dumps([of, *place], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(binascii.crc32(text).to_bytes(4, "big") + text).rstrip(b"=").decode()


def place(of: str, given: str) -> list[str]:
    """The place that a cursor of the list `of` stands for. Raises InvalidTask for one that this list did not give."""
    try:
        if len(given) > LONGEST:
            raise ValueError
        raw = base64.b64decode(given.encode("ascii") + b"=" * (-len(given) % 4), altchars=b"-_", validate=True)
        check, text = raw[:4], raw[4:]
        if binascii.crc32(text).to_bytes(4, "big") != check:
            raise ValueError
        said: Any = json.loads(text)
    except ValueError:
        said = []
    if not said or said[0] != of:
        raise InvalidTask("cursor", "is not a cursor that this list gave; begin without one")
    return [str(part) for part in said[1:]]
