"""The handlers of the chaos run: each says in the outside log when it starts and ends, and how."""

import asyncio
import time
from typing import Any

import pgq
from tests.process.work_app import attempt

app = pgq.App()
quickly = pgq.exponential(base=1.3, cap=2)


class Refused(Exception):
    """What a handler raises that is not well."""


@app.task(retry=quickly, max_attempts=6)
async def work(ctx: pgq.Context, seconds: float) -> dict[str, Any]:
    """Some time on the loop."""
    with attempt(ctx) as result:
        await asyncio.sleep(seconds)
        return result


@app.task(retry=quickly, max_attempts=6)
def work_in_thread(ctx: pgq.Context, seconds: float) -> dict[str, Any]:
    """Some time in a thread."""
    with attempt(ctx) as result:
        time.sleep(seconds)
        return result


@app.task(retry=quickly, max_attempts=6)
async def flaky(ctx: pgq.Context, seconds: float) -> dict[str, Any]:
    """Fails at every odd attempt."""
    with attempt(ctx) as result:
        await asyncio.sleep(seconds)
        if ctx.attempt % 2:
            raise Refused("an odd attempt")
        return result


@app.task(retry=quickly, max_attempts=2)
async def hopeless(ctx: pgq.Context, seconds: float) -> None:
    """Always fails, and ends in the dead letters."""
    with attempt(ctx):
        await asyncio.sleep(seconds)
        raise Refused("always")
