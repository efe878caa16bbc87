"""Arrays as the text that PostgreSQL reads, made at once: a driver would go through them element by element, twice.

A claim sends seven of them, and an idle worker's processor is slow to warm up; 500 outcomes are 3,000 elements.
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


class BigintArray(str):
    """`bigint[]`"""

    __slots__ = ()


class TimeArray(str):
    """`timestamptz[]`"""

    __slots__ = ()


class UuidArray(str):
    """`uuid[]`"""

    __slots__ = ()


def text_array(texts: Iterable[str | None]) -> TextArray:
    """Of texts, whatever they hold; None is NULL."""
    return TextArray("{" + ",".join(map(quoted, texts)) + "}")


def quoted(text: str | None) -> str:
    """One of them."""
    if text is None:
        return "NULL"
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if '"' in text:
        text = text.replace('"', '\\"')
    return f'"{text}"'


def integer_array(numbers: Iterable[int]) -> IntegerArray:
    """Of numbers."""
    return IntegerArray("{" + ",".join(map(str, numbers)) + "}")


def bigint_array(numbers: Iterable[int]) -> BigintArray:
    """Of large numbers."""
    return BigintArray("{" + ",".join(map(str, numbers)) + "}")


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


class BigintArrayDumper(AsItIs):
    oid = TYPES["int8"].array_oid


class TimeArrayDumper(AsItIs):
    oid = TYPES["timestamptz"].array_oid


class UuidArrayDumper(AsItIs):
    oid = TYPES["uuid"].array_oid


for array, dumper in (
    (TextArray, TextArrayDumper),
    (IntegerArray, IntegerArrayDumper),
    (BigintArray, BigintArrayDumper),
    (TimeArray, TimeArrayDumper),
    (UuidArray, UuidArrayDumper),
):
    psycopg.adapters.register_dumper(array, dumper)
