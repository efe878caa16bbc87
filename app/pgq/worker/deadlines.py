"""Ends attempts whose time is over."""

import asyncio
import time
from collections.abc import Collection

from pgq.worker.running import Interrupt, Running


class Deadlines:
    """One timer for all attempts: most end long before their time, and a timer each costs more than they do."""

    def __init__(self, running: Collection[Running]) -> None:
        """`running` are the attempts to look at, as it is then."""
        self.running = running
        self.next_at = float("inf")
        self.timer: asyncio.TimerHandle | None = None

    def watch(self, one: Running) -> None:
        """See to it that this attempt is told when its time is over."""
        if one.due_at < self.next_at:
            self.look_at(one.due_at)

    def look_at(self, when: float) -> None:
        """Look again at `when`, by the monotonic clock."""
        if self.timer is not None:
            self.timer.cancel()
        self.next_at = when
        # Not call_at: a loop's clock may be another one.
        self.timer = asyncio.get_running_loop().call_later(when - time.monotonic(), self.look)

    def look(self) -> None:
        """Stop the attempts whose time is over, and wait for the next one's."""
        self.timer, self.next_at = None, float("inf")
        now = time.monotonic()
        for one in list(self.running):
            if one.due_at <= now:
                one.stop(Interrupt.TIMEOUT)
        if left := [one.due_at for one in self.running if one.due_at > now]:
            self.look_at(min(left))

    def close(self) -> None:
        """Look no more."""
        if self.timer is not None:
            self.timer.cancel()
