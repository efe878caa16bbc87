"""Arrays as the text that PostgreSQL reads, made at once: a driver would go through them element by element, twice.

A claim sends seven of them, and an idle worker's processor is slow to warm up.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.adapt import Dumper

TYPES = psycopg.adapters.types


class TextArray(str):
    """`text[]`"""

    __slots__ = ()


class IntegerArray(str):
    """`integer[]`"""

    __slots__ = ()


class TimeArray(str):
    """`timestamptz[]`"""

    __slots__ = ()


class UuidArray(str):
    """`uuid[]`"""

    __slots__ = ()


def text_array(texts: Iterable[str]) -> TextArray:
    """Of texts, whatever they hold."""
    quoted = ('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts)
    return TextArray("{" + ",".join(quoted) + "}")


def integer_array(numbers: Iterable[int]) -> IntegerArray:
    """Of numbers."""
    return IntegerArray("{" + ",".join(map(str, numbers)) + "}")


def time_array(moments: Iterable[datetime]) -> TimeArray:
    """Of moments with a time zone."""
    return TimeArray("{" + ",".join(map(datetime.isoformat, moments)) + "}")


def uuid_array(ids: Iterable[UUID]) -> UuidArray:
    """Of UUIDs."""
    return UuidArray("{" + ",".join(map(str, ids)) + "}")


class AsItIs(Dumper):
    """The text, under the array's own type: a statement needs no cast."""

    def dump(self, obj: str) -> bytes:
        """As PostgreSQL is sent it."""
        return obj.encode()


class TextArrayDumper(AsItIs):
    oid = TYPES["text"].array_oid


class IntegerArrayDumper(AsItIs):
    oid = TYPES["int4"].array_oid


class TimeArrayDumper(AsItIs):
    oid = TYPES["timestamptz"].array_oid


class UuidArrayDumper(AsItIs):
    oid = TYPES["uuid"].array_oid


for array, dumper in (
    (TextArray, TextArrayDumper),
    (IntegerArray, IntegerArrayDumper),
    (TimeArray, TimeArrayDumper),
    (UuidArray, UuidArrayDumper),
):
    psycopg.adapters.register_dumper(array, dumper)
