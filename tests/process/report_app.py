"""Handlers that log, print and say how far they are."""

import asyncio
import logging
import os
import signal
import time
from pathlib import Path
from typing import Any

import pgq
from tests.process.work_app import outside

app = pgq.App()
logger = logging.getLogger("shop.images")


def speak(ctx: pgq.Context, where: str) -> None:
    """In every way there is."""
    logger.info("logged %s", where)
    print("printed", where)  # noqa: T201
    ctx.log.warning("its own log, attempt %d", ctx.attempt)
    ctx.progress(0.4, f"resizing {where}")


@app.task
async def on_the_loop(ctx: pgq.Context) -> None:
    """A coroutine."""
    speak(ctx, "on the loop")


@app.task
def in_a_thread(ctx: pgq.Context) -> None:
    """A plain function."""
    speak(ctx, "in a thread")


@app.task(executor="process")
def in_a_process(ctx: pgq.Context) -> None:
    """A plain function in another process."""
    speak(ctx, "in a process")


@app.task(executor="process")
async def coroutine_in_a_process(ctx: pgq.Context) -> None:
    """A coroutine in another process."""
    speak(ctx, "in a process")


@app.task
async def speak_and_wait(ctx: pgq.Context) -> None:
    """Until it is interrupted."""
    speak(ctx, "and waits")
    await asyncio.Event().wait()


@app.task
async def speak_then_hold(ctx: pgq.Context, until_exists: str) -> None:
    """As long as the test wants."""
    speak(ctx, "and waits")
    while not Path(until_exists).exists():  # noqa: ASYNC110, ASYNC240 (the test may not know this process)
        await asyncio.sleep(0.02)
    logger.info("went on")


@app.task(executor="process")
def speak_and_die(ctx: pgq.Context) -> None:
    """The last words before a crash."""
    speak(ctx, "and dies")
    os.kill(os.getpid(), signal.SIGKILL)


@app.task
def speak_and_block(ctx: pgq.Context) -> None:
    """A thread that heeds nothing."""
    speak(ctx, "and blocks")
    time.sleep(3600)


@app.task(retry=pgq.exponential(base=0.1))
async def fails_once(ctx: pgq.Context) -> None:
    """Two attempts."""
    logger.info("attempt %d", ctx.attempt)
    if ctx.attempt == 1:
        ctx.progress(0.9, "nearly")
        raise ConnectionError("not yet")


@app.task
def chatter(lines: int) -> int:
    """Many lines, in a thread."""
    for n in range(lines):
        logger.info("line %d", n)
    return lines


@app.task(executor="process")
def chatter_in_a_process(ctx: pgq.Context, lines: int) -> int:
    """Many lines, and much progress, in another process."""
    for n in range(lines):
        print("line", n)  # noqa: T201
        ctx.progress(n / lines)
    ctx.progress(1, "all said")
    return lines


@app.task
async def quiet(value: Any = None) -> Any:
    """Nothing."""
    outside.write("quiet")
    return value
