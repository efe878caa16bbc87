"""Rate limits per token and per address, which hold across all API processes.

The buckets are in the database. A process takes a small portion ahead (a twentieth of a second's worth), so that most
requests ask nobody; a portion that is not used within a second is dropped.
"""

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pgq.api.gather import Gather
from pgq.api.problems import Problem
from pgq.api.services import Services
from pgq.db.buckets import Given, Wanted, forget, take
from pgq.db.errors import our_errors

PORTION_SECONDS = 0.05
KEEP_SECONDS = 1.0
MOST_BUCKETS = 10_000
FORGET_EVERY = 3_600.0


@dataclass(slots=True)
class Portion:
    """What this process has taken ahead, or until when the bucket is known to be empty."""

    left: int
    until: float
    empty_until: float = 0.0


class Limits:
    """Counts requests against the buckets of their token and address."""

    def __init__(self, services: Services) -> None:
        self.pools = services.pools
        self.asks: Gather[Wanted, Given] = Gather(self.take)
        self.portions: dict[str, Portion] = {}
        self.forget_at = time.monotonic() + FORGET_EVERY

    async def close(self) -> None:
        """Holds nothing that is worth giving back."""

    async def admit(self, bucket: str, rate: float | None, burst: float | None = None) -> None:
        """Count one request. Raises the problem 429 when the bucket, which fills by `rate` a second, is empty."""
        if rate is None:
            return
        now = time.monotonic()
        portion = self.portions.get(bucket)
        if portion is not None and portion.left > 0 and now < portion.until:
            portion.left -= 1
            return
        if portion is not None and now < portion.empty_until:
            raise too_many(portion.empty_until - now)
        size = max(burst or rate, 1.0)
        count = max(1, min(math.floor(rate * PORTION_SECONDS), math.floor(size)))
        given = await self.asks.ask(Wanted(bucket, rate, size, count))
        now = time.monotonic()
        if given.count < 1:
            wait = max((1 - given.left) / rate, 0.001)
            self.keep(bucket, Portion(0, now, now + min(wait, KEEP_SECONDS)))
            raise too_many(wait)
        mine = self.portions.get(bucket)
        left = given.count - 1 + (mine.left if mine is not None and now < mine.until else 0)
        self.keep(bucket, Portion(left, now + KEEP_SECONDS))

    def is_empty(self, bucket: str) -> bool:
        """Whether this process knows the bucket to be empty still."""
        portion = self.portions.get(bucket)
        return portion is not None and time.monotonic() < portion.empty_until

    def keep(self, bucket: str, portion: Portion) -> None:
        if len(self.portions) >= MOST_BUCKETS:
            self.portions.clear()
        self.portions[bucket] = portion

    async def take(self, asked: Sequence[Wanted]) -> list[Given | Exception]:
        """One statement for all that ask together: each of a bucket's gets one, the first what is over, too."""
        askers = Counter(one.bucket for one in asked)
        once = {one.bucket: replace(one, count=max(one.count, askers[one.bucket])) for one in asked}
        with our_errors():
            async with self.pools.connection_async() as connection:
                found = await take(connection, list(once.values()))
                if time.monotonic() > self.forget_at:
                    self.forget_at = time.monotonic() + FORGET_EVERY
                    await forget(connection)
        answers: list[Given | Exception] = []
        for one in asked:
            given = found[one.bucket]
            over = max(given.count - askers[one.bucket], 0)
            mine = min(given.count, 1) + over
            found[one.bucket] = replace(given, count=given.count - mine)
            askers[one.bucket] -= 1
            answers.append(replace(given, count=mine))
        return answers


def too_many(seconds: float) -> Problem:
    wait = math.ceil(seconds)
    return Problem("rate_limited", f"try again in {wait} s", headers={"Retry-After": str(wait)})
