"""Wakes one task of the event loop."""

import asyncio


class Bell:
    """What an asyncio.Event is to many, to one who waits for a limited time: awake one turn of the loop after the ring.

    (`asyncio.wait` on an event takes three, each of which an idle worker's processor has to wake up to.)
    """

    def __init__(self) -> None:
        self.rung = False
        self.sleeper: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """Wake who waits, or who waits next."""
        self.rung = True
        if self.sleeper is not None and not self.sleeper.done():
            self.sleeper.set_result(None)

    def clear(self) -> None:
        """Forget that it rang."""
        self.rung = False

    async def heard(self, within: float | None) -> None:
        """Return when it rings, at once if it has rung, or after `within` seconds (None: only then)."""
        if self.rung:
            return
        loop = asyncio.get_running_loop()
        self.sleeper = sleeper = loop.create_future()
        timer = loop.call_later(within, resolve, sleeper) if within is not None else None
        try:
            await sleeper
        finally:
            self.sleeper = None
            if timer is not None:
                timer.cancel()


def resolve(sleeper: "asyncio.Future[None]") -> None:
    """Let it go on."""
    if not sleeper.done():
        sleeper.set_result(None)
