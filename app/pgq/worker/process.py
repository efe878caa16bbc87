"""Run a coroutine as what a process is for, and end although something in it does not."""

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

log = logging.getLogger("pgq.worker")

LAST_WORDS = 2.0
"""Seconds that cancelled coroutines, and threads that are about to end, get before the process ends without them."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The exit code, and whether nothing was left running; otherwise only `leave_now` ends the process."""

    code: int
    clean: bool


def run(main: Coroutine[Any, Any, None]) -> Ended:
    """Run `main` to its end; raises what it raises.

    Where asyncio.run() waits for coroutines that swallow their cancellation and for threads that nothing can stop, this
    does not: the loop is left as it is.
    """
    before = set(threading.enumerate())
    own_threads = ThreadPoolExecutor(thread_name_prefix="asyncio")
    runner = asyncio.Runner()
    runner.get_loop().set_default_executor(own_threads)
    failure: Exception | None = None
    try:
        runner.run(main)
    except Exception as error:
        failure = error
    tasks = runner.run(cancel_the_rest())
    own_threads.shutdown(wait=False, cancel_futures=True)
    threads = still_running(before)
    if not tasks and not threads:
        runner.close()
        if failure is not None:
            raise failure
        return Ended(0, clean=True)
    if failure is not None:
        log.critical("the worker failed", exc_info=failure)
    # Their tasks are handed back, or run out of their leases: this process renews none any more.
    log.warning("%d handlers have not returned; leaving without them", tasks + threads)
    return Ended(0 if failure is None else 1, clean=False)


async def cancel_the_rest() -> int:
    """Cancel what handlers have left on the loop; answers how many do not heed it."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    if rest:
        await asyncio.wait(rest, timeout=LAST_WORDS)
    return sum(not task.done() for task in rest)


def still_running(before: set[threading.Thread]) -> int:
    """How many new threads keep the process from ending, after a moment in which they may end."""
    new = [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
    deadline = time.monotonic() + LAST_WORDS
    for thread in new:
        thread.join(max(0.0, deadline - time.monotonic()))
    return sum(thread.is_alive() for thread in new)


def leave_now(code: int) -> None:
    """End the process although something in it still runs."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
