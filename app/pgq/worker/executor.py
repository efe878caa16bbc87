"""Runs claimed tasks, as many at once as there are slots."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID

from pgq.db.outcomes import Finished
from pgq.values.outcome import BuryNow, describe
from pgq.values.report import Report, Sink
from pgq.values.task import Claimed, Lease
from pgq.worker.call import interrupted, outcome_of
from pgq.worker.deadlines import Deadlines
from pgq.worker.pace import Pace
from pgq.worker.parents import Given
from pgq.worker.plan import Handlers
from pgq.worker.processes import Processes
from pgq.worker.running import Interrupt, Running

log = logging.getLogger("pgq.worker")

LAST_WORDS = 2.0
"""Seconds that interrupted handlers get to clean up before the worker leaves without them."""


MOST_BETWEEN = 0.5
"""Seconds that a task waits for a slot of this worker before others may have it."""


class Executor:
    """The slots of a worker, and at most as many tasks again that wait for one, while tasks are short.

    `done` takes what became of each attempt, `sink` what its handler says meanwhile. `may_begin` is asked just before a
    handler begins: the process may have been frozen since the claim.
    """

    def __init__(
        self,
        handlers: Handlers,
        slots: int,
        done: Callable[[Finished], None],
        processes: Processes,
        sink: Sink,
        may_begin: Callable[[Lease], bool],
    ) -> None:
        self.handlers = handlers
        self.slots = slots
        self.done = done
        self.sink = sink
        self.may_begin = may_begin
        self.running: dict[UUID, Running] = {}
        self.attempts: dict[Running, asyncio.Task[None]] = {}
        self.occupied: set[Running] = set()
        self.waiting: deque[Running] = deque()
        self.deadlines = Deadlines(self.running.values())
        self.pace = Pace(handlers)
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

    @property
    def room(self) -> int:
        """How many tasks to claim now: where all are short, one further batch, so that no slot waits for a claim."""
        return self.free - len(self.waiting) + (self.slots if self.pace.all_short() else 0)

    def start(self, task: Claimed, parents: "asyncio.Future[Given] | None" = None) -> None:
        """Run a task, now or as soon as a slot is free; what becomes of it goes to `done`.

        parents: what its handler waits for.
        """
        running = Running(task, report=Report(task, self.sink), parents=parents)
        self.idle.clear()
        self.running[task.id] = running
        self.deadlines.watch(running)
        if self.free > 0:
            self.begin(running)
        else:
            self.waiting.append(running)

    def begin(self, running: Running) -> None:
        """Take a slot and go."""
        self.occupied.add(running)
        # The loop itself keeps only weak references to its tasks.
        self.attempts[running] = asyncio.create_task(self.run(running))

    async def run(self, running: Running) -> None:
        """One attempt, from its start to its outcome."""
        if running.parents is not None:
            await self.until_read(running, running.parents)
        if not self.may_begin(running.task.lease):
            running.stop(Interrupt.LOST)
        running.attempt = self.attempts[running]
        task = running.task
        began_at = time.monotonic()
        try:
            outcome = await outcome_of(self.handlers[task.kind], running, self.threads, self.processes)
        except BaseException as error:
            log.exception("task %s (%s): its handler could not be run", task.id, task.kind)
            outcome = BuryNow(describe(error))
        self.pace.note(task.kind, time.monotonic() - began_at)
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
        del self.attempts[running]

    async def until_read(self, running: Running, parents: "asyncio.Future[Given]") -> None:
        """Wait for what the parents have given. An attempt that is stopped meanwhile ends without having begun."""
        running.attempt = self.attempts[running]
        try:
            await asyncio.wait([parents])
        except asyncio.CancelledError:
            if running.told() is None:
                raise
        running.attempt = None

    def free_slot(self, running: Running) -> None:
        """A handler, and its thread if it has one, has returned."""
        self.occupied.discard(running)
        if self.waiting and self.free > 0:
            self.begin(self.waiting.popleft())
        self.slot_freed.set()

    def hand_back_waiting(self, longer_than: float = MOST_BETWEEN) -> None:
        """Let others have the tasks that have waited for a slot for so many seconds."""
        now = time.monotonic()
        while self.waiting and now - self.waiting[0].claimed_at >= longer_than:
            running = self.waiting.popleft()
            running.stop(Interrupt.STOP)
            self.begin(running)  # it ends at once, as handed back

    def interrupt(self, task_id: UUID, why: Interrupt) -> None:
        """Stop the attempt of a task, if it runs here."""
        if running := self.running.get(task_id):
            running.stop(why)

    async def drain(self, grace: float, hurry: asyncio.Event) -> None:
        """Let the attempts finish for `grace` seconds, or until `hurry` is set; then interrupt them."""
        self.hand_back_waiting(longer_than=0)
        await first_of(self.idle.wait(), hurry.wait(), within=grace)
        if self.running:
            log.warning("%d tasks did not finish in time; handing them back", len(self.running))
            for running in list(self.running.values()):
                running.stop(Interrupt.STOP)
            await first_of(self.idle.wait(), within=LAST_WORDS)
            for running in list(self.running.values()):
                self.give_up(running)
        self.deadlines.close()
        await self.processes.close()
        self.threads.shutdown(wait=False, cancel_futures=True)

    def give_up(self, running: Running) -> None:
        """A coroutine that swallows its cancellation: its outcome is written without it. The process ends soon."""
        running.given_up = True
        handler = self.handlers[running.task.kind]
        if (why := running.told()) is not None and (outcome := interrupted(why, handler, running.task)) is not None:
            self.done(Finished(running.task.lease, outcome))


async def first_of(*waits: Coroutine[Any, Any, Any], within: float | None = None) -> None:
    """Return when the first of these is over, or the time."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
