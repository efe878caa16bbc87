"""Handlers that say in the outside log when they start and end; run by the worker processes of these tests."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pgq
from tests.outside_log import OutsideLog
from tests.workers import LOG_VARIABLE

outside = OutsideLog(Path(os.environ[LOG_VARIABLE]))
app = pgq.App()


@contextmanager
def attempt(ctx: pgq.Context) -> Iterator[dict[str, Any]]:
    """An attempt in the outside log: `start`, and `end` with how it ended."""
    facts = {"task": ctx.task.id, "attempt": ctx.attempt, "epoch": ctx.task.lease_epoch}
    outside.write("start", **facts)
    how = "returned"
    try:
        yield {"pid": os.getpid(), "epoch": ctx.task.lease_epoch}
    except BaseException as error:
        how = type(error).__name__
        raise
    finally:
        outside.write("end", how=how, **facts)


@app.task
async def work(ctx: pgq.Context, seconds: float = 0) -> dict[str, Any]:
    """Some time on the loop."""
    with attempt(ctx) as result:
        await asyncio.sleep(seconds)
        return result


@app.task
def work_in_thread(ctx: pgq.Context, seconds: float = 0) -> dict[str, Any]:
    """Some time in a thread."""
    with attempt(ctx) as result:
        time.sleep(seconds)
        return result


@app.task(max_attempts=2, retry=pgq.exponential(base=0.1))
async def kill_own_worker(ctx: pgq.Context) -> None:
    """What an allocation too many does."""
    with attempt(ctx):
        outside.write("killed")
        os.kill(os.getpid(), signal.SIGKILL)


@app.task
async def block_the_loop(ctx: pgq.Context, until_exists: str = "", seconds: float = 0) -> dict[str, Any]:
    """What an async handler must not do, and many do: for some time, or until a file exists for this attempt."""
    with attempt(ctx) as result:
        block(seconds, until_exists and f"{until_exists}-{ctx.attempt}")
        return result


def block(seconds: float, until_exists: str) -> None:
    """Give nothing else a turn."""
    time.sleep(seconds)
    while until_exists and not Path(until_exists).exists():
        time.sleep(0.02)


@app.task
def ignore_everything(ctx: pgq.Context) -> None:
    """A thread that hears nothing."""
    with attempt(ctx):
        while True:
            time.sleep(3600)


@app.task
async def hold(ctx: pgq.Context, until_exists: str) -> None:
    """As long as the test wants."""
    with attempt(ctx):
        while not Path(until_exists).exists():  # noqa: ASYNC110, ASYNC240 (the test may not know this process)
            await asyncio.sleep(0.02)


@app.task
def heed(ctx: pgq.Context) -> None:
    """A thread that looks now and then whether it should stop, and says so when it does."""
    with attempt(ctx):
        while not ctx.cancelled:
            time.sleep(0.02)
        raise InterruptedError("told to stop")


@app.task
async def swallow_cancellation(ctx: pgq.Context) -> None:
    """A coroutine that hears nothing."""
    with attempt(ctx):
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                outside.write("swallowed", task=ctx.task.id)


@app.task
async def wait_for_a_thread_of_its_own() -> None:
    """asyncio.to_thread() cannot be cancelled: what it runs goes on."""
    await asyncio.to_thread(time.sleep, 3600)


@app.task
async def echo(value: Any = None) -> Any:
    """To see that the worker still works."""
    return value


@app.task(retry=pgq.exponential(base=0.5))
async def flaky(ctx: pgq.Context) -> int:
    """Fails once."""
    with attempt(ctx):
        if ctx.attempt == 1:
            raise ConnectionError("not yet")
        return ctx.attempt
