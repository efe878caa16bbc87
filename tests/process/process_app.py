"""Handlers with processes of their own, and what can go wrong in one."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from datetime import date
from typing import Any

import pgq
from tests.process.work_app import attempt, outside

app = pgq.App()


class Hopeless(Exception):
    """No other attempt can do better."""


@app.task(executor="process")
def look_around(ctx: pgq.Context, day: date) -> dict[str, Any]:
    """What a handler has in its process."""
    sys.stdout.write(f"printed in {os.getpid()}\n")
    ctx.log.warning("logged by attempt %d", ctx.attempt)
    assert not ctx.cancelled
    return {"pid": os.getpid(), "parent": os.getppid(), "task": ctx.task.id, "tags": ctx.task.tags, "year": day.year}


@app.task(executor="process")
async def on_a_loop(value: str) -> str:
    """A coroutine function, killable."""
    await asyncio.sleep(0)
    return value


@app.task(executor="process")
def submit_more() -> str:
    """Another task, for whoever works on this database."""
    return str(on_a_loop.submit(value="submitted from a process").id)


@app.task(executor="process", retry=pgq.exponential(base=0.1), bury_on=[Hopeless])
def end_as(ctx: pgq.Context, how: str) -> Any:
    """Raise what a test asks for, in the first attempt."""
    if ctx.attempt > 1:
        return f"attempt {ctx.attempt}"
    match how:
        case "retry":
            raise pgq.Retry(after=0, reason="not yet")
        case "snooze":
            raise pgq.Snooze(3600)
        case "cancel":
            raise pgq.Cancel("no more")
        case "bury":
            raise pgq.Bury("never")
        case "bury_on":
            raise Hopeless("really")
        case "raise":
            raise ValueError("wrong \ud800")
        case "unstorable":
            return {1, 2}
        case "exit":
            sys.exit("done")
        case "_exit":
            os._exit(3)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
    return None


@app.task(executor="process")
def spin(ctx: pgq.Context, hold_the_gil: bool = False) -> None:
    """Nothing but a kill ends this; it has started a process, which is to end with it."""
    helper = subprocess.Popen(["sleep", "3600"])
    outside.write("helper", pid=helper.pid, task=ctx.task.id)
    with attempt(ctx):
        while True:
            if hold_the_gil:  # no other thread of this process runs meanwhile
                re.match("(a+)+$", "a" * 60 + "b")
