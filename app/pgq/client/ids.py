"""Ids made by the client, for rows that are copied into the table: UUIDv7, as `pgq.uuid7()` makes them."""

import secrets
import time
from collections.abc import Iterator
from uuid import UUID


def uuid7s() -> Iterator[UUID]:
    """Ids in rising order, so that tasks of one bulk submit that are due at the same moment run in their order.

    After the time of the first one (48 bits) comes a random number of which the top bit is 0, counted up by random
    steps: a million of them cannot carry into the time.
    """
    milliseconds = time.time_ns() // 1_000_000
    tail = secrets.randbits(73)
    for step in random_steps():
        tail += 1 + step
        high, low = divmod(tail, 1 << 62)
        yield UUID(int=(milliseconds << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low)


def random_steps() -> Iterator[int]:
    """Random numbers of 32 bits: the first by itself, as most callers want one id, then many for one system call."""
    yield secrets.randbits(32)
    while True:
        yield from memoryview(secrets.token_bytes(4_096)).cast("I")
