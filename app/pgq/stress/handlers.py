"""The kinds of a stress, which end in different ways. Its workers run this module: `pgq worker pgq.stress.handlers`."""

import asyncio
from datetime import datetime

from pgq.client.app import App
from pgq.client.context import Context
from pgq.values.raised import Bury, Cancel, Snooze

app = App()

FOR_EVER = 86_400


class AskedToFail(Exception):
    """What a task fails of that was made to fail."""


def soon(_attempt: int) -> float:
    """Seconds until the next attempt."""
    return 0.05


@app.task(kind="pgq_stress_succeed")
async def succeed(number: int) -> int:
    """Succeed on the event loop."""
    return number


@app.task(kind="pgq_stress_succeed_in_thread")
def succeed_in_thread(number: int) -> int:
    """Succeed in a thread."""
    return number


@app.task(kind="pgq_stress_recover", retry=soon)
async def recover(ctx: Context, number: int, failures: int) -> int:
    """Succeed after some failures."""
    if ctx.attempt <= failures:
        raise AskedToFail(f"failure {ctx.attempt} of {failures}")
    return number


@app.task(kind="pgq_stress_die", max_attempts=2, retry=soon)
async def die(number: int) -> None:
    """Fail until no attempt is left."""
    raise AskedToFail(f"task {number} fails always")


@app.task(kind="pgq_stress_bury")
async def bury(number: int) -> None:
    """Give up at once."""
    raise Bury(f"task {number} is not worth another attempt")


@app.task(kind="pgq_stress_snooze")
async def snooze(ctx: Context, number: int, first_run_at: datetime) -> int:
    """Put off the first run."""
    if ctx.task.run_at <= first_run_at:
        raise Snooze(0.2)
    return number


@app.task(kind="pgq_stress_cancel")
async def cancel(number: int) -> None:
    """Cancel itself."""
    raise Cancel(f"task {number} is not needed")


@app.task(kind="pgq_stress_hang")
async def hang(number: int) -> int:
    """Run until somebody cancels it."""
    await asyncio.sleep(FOR_EVER)
    return number
