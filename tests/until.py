"""Wait for a condition instead of a time."""

import asyncio
import os
import time
from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")

PATIENCE = float(os.environ.get("PGQ_TEST_PATIENCE", "180"))
"""Seconds: long enough for a slow machine; a test that waits this long has failed."""


async def until_then(condition: Callable[[], R], what: str, within: float = PATIENCE) -> R:
    """The same on an event loop, which goes on meanwhile."""
    deadline = time.monotonic() + within
    while True:
        if answer := condition():
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within:g} s in vain for {what}")
        await asyncio.sleep(0.02)


def until(condition: Callable[[], R], what: str | Callable[[], str], within: float = PATIENCE) -> R:
    """What the condition answers as soon as that is true; fails, saying what did not come, when the time is over."""
    deadline = time.monotonic() + within
    while True:
        if answer := condition():
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within:g} s in vain for {what if isinstance(what, str) else what()}")
        time.sleep(0.02)
