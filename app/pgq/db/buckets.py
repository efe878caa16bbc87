"""Token buckets that all processes share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from pgq.db.sql import sql


@dataclass(frozen=True, slots=True)
class Wanted:
    """`count` from a bucket that fills by `rate` a second, up to `burst`."""

    bucket: str
    rate: float
    burst: float
    count: float


@dataclass(frozen=True, slots=True)
class Given:
    """What was given, and what is left in the bucket."""

    count: int
    left: float


async def take(connection: AsyncConnection[Any], wanted: Sequence[Wanted]) -> dict[str, Given]:
    """Take from several buckets, each named once, in one statement."""
    given = {
        "buckets": [one.bucket for one in wanted],
        "rates": [one.rate for one in wanted],
        "bursts": [one.burst for one in wanted],
        "wanted": [one.count for one in wanted],
    }
    rows = await (await connection.execute(sql("api/take_from_buckets"), given)).fetchall()
    return {bucket: Given(int(count), left) for bucket, count, left in rows}


async def forget(connection: AsyncConnection[Any]) -> None:
    """Drop the buckets that nobody uses."""
    await connection.execute(sql("api/forget_buckets"))
