"""Runs claimed tasks, as many at once as there are slots."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID

from pgq.db.outcomes import Finished
from pgq.values.outcome import BuryNow, describe
from pgq.values.report import Report, Sink
from pgq.values.task import Claimed
from pgq.worker.call import interrupted, outcome_of
from pgq.worker.plan import Handlers
from pgq.worker.processes import Processes
from pgq.worker.running import Interrupt, Running

log = logging.getLogger("pgq.worker")

LAST_WORDS = 2.0
"""Seconds that interrupted handlers get to clean up before the worker leaves without them."""


class Executor:
    """The slots of a worker. `done` takes what became of each attempt, `sink` what its handler says meanwhile."""

    def __init__(
        self, handlers: Handlers, slots: int, done: Callable[[Finished], None], processes: Processes, sink: Sink
    ) -> None:
        self.handlers = handlers
        self.slots = slots
        self.done = done
        self.sink = sink
        self.running: dict[UUID, Running] = {}
        self.attempts: set[asyncio.Task[None]] = set()
        self.occupied: set[Running] = set()
        self.slot_freed = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()
        self.threads = ThreadPoolExecutor(slots, thread_name_prefix="pgq-handler")
        self.processes = processes

    @property
    def busy(self) -> int:
        """How many slots are taken: by attempts, and by threads that have not returned although theirs is over."""
        return len(self.occupied)

    @property
    def free(self) -> int:
        """How many tasks could be started now."""
        return self.slots - self.busy

    def start(self, task: Claimed) -> None:
        """Run a task; what becomes of it goes to `done`."""
        running = Running(task, report=Report(task, self.sink))
        self.occupied.add(running)
        self.idle.clear()
        self.running[task.id] = running
        attempt = asyncio.create_task(self.run(running), name=f"{task.kind} {task.id}")
        self.attempts.add(attempt)
        attempt.add_done_callback(self.attempts.discard)

    async def run(self, running: Running) -> None:
        """One attempt, from its start to its outcome."""
        running.attempt = asyncio.current_task()
        task = running.task
        try:
            outcome = await outcome_of(self.handlers[task.kind], running, self.threads, self.processes)
        except BaseException as error:
            log.exception("task %s (%s): its handler could not be run", task.id, task.kind)
            outcome = BuryNow(describe(error))
        if self.running.get(task.id) is running:
            del self.running[task.id]
        if running.thread is None or running.thread.done():
            self.free_slot(running)
        else:
            free, loop = partial(self.free_slot, running), asyncio.get_running_loop()
            running.thread.add_done_callback(lambda _: loop.is_closed() or loop.call_soon_threadsafe(free))
        if outcome is not None and not running.given_up:
            self.done(Finished(task.lease, outcome))
        if not self.running:
            self.idle.set()

    def free_slot(self, running: Running) -> None:
        """A handler, and its thread if it has one, has returned."""
        self.occupied.discard(running)
        self.slot_freed.set()

    def interrupt(self, task_id: UUID, why: Interrupt) -> None:
        """Stop the attempt of a task, if it runs here."""
        if running := self.running.get(task_id):
            running.stop(why)

    async def drain(self, grace: float, hurry: asyncio.Event) -> None:
        """Let the attempts finish for `grace` seconds, or until `hurry` is set; then interrupt them."""
        await first_of(self.idle.wait(), hurry.wait(), within=grace)
        if self.running:
            log.warning("%d tasks did not finish in time; handing them back", len(self.running))
            for running in list(self.running.values()):
                running.stop(Interrupt.STOP)
            await first_of(self.idle.wait(), within=LAST_WORDS)
            for running in list(self.running.values()):
                self.give_up(running)
        await self.processes.close()
        self.threads.shutdown(wait=False, cancel_futures=True)

    def give_up(self, running: Running) -> None:
        """A coroutine that swallows its cancellation: its outcome is written without it. The process ends soon."""
        running.given_up = True
        if (why := running.told()) is not None and (outcome := interrupted(why)) is not None:
            self.done(Finished(running.task.lease, outcome))


async def first_of(*waits: Coroutine[Any, Any, Any], within: float | None = None) -> None:
    """Return when the first of these is over, or the time."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
