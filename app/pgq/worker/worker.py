"""A worker process, as the list of its parts."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection

from pgq.db.duties import make_partitions
from pgq.db.leases import running_here
from pgq.db.listener import Listener
from pgq.db.outcomes import Finished, HandBack
from pgq.db.steady import SteadyConnection
from pgq.db.workers import WorkerRow
from pgq.values.task import Claimed, Lease
from pgq.worker.capture import capturing
from pgq.worker.claimer import Claimer
from pgq.worker.completer import Completer
from pgq.worker.executor import Executor, first_of
from pgq.worker.lease_keeper import LeaseKeeper
from pgq.worker.parents import ParentsReader
from pgq.worker.plan import WorkerPlan, published
from pgq.worker.processes import Processes
from pgq.worker.reporter import Reporter
from pgq.worker.running import Interrupt

log = logging.getLogger("pgq.worker")

LAST_FLUSH = 10.0
"""Seconds that a stopping worker tries to write its last outcomes."""

LAST_CLAIM = 5.0
"""Seconds that a stopping worker waits for the answer to a claim."""

MOST_UNWRITTEN = 2_000
"""Outcomes that wait to be written; beyond that the worker claims nothing more."""


class Worker:
    """Claims, runs and finishes tasks until it is stopped."""

    def __init__(self, plan: WorkerPlan, *, beside: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()) -> None:
        """`beside` are coroutines that run as long as the worker does, such as a ticker's; one that fails ends it."""
        self.plan = plan
        self.beside = beside
        self.stopping = asyncio.Event()
        self.hurry = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.lease_keeper = LeaseKeeper(
            plan.conninfo,
            WorkerRow(
                id=plan.id,
                name=plan.name,
                hostname=socket.gethostname(),
                pid=os.getpid(),
                version=version("pgq-tasks"),
                queues=plan.queue_names,
                kinds=plan.kinds,
                capacity=plan.concurrency,
            ),
            published(plan.handlers),
            plan.lease,
            listener=lambda: self.listener.state,
            on_lost=lambda task: loop.call_soon_threadsafe(partial(self.lose, task)),
            on_cancel=lambda task: loop.call_soon_threadsafe(partial(self.cancel, task)),
        )
        self.completer = Completer(plan.conninfo, plan.id, self.recorded)
        self.reporter = Reporter(plan.conninfo, plan.id, self.completer.add)
        self.parents = ParentsReader(plan.conninfo)
        self.executor = Executor(
            plan.handlers,
            plan.concurrency,
            self.reporter.finish,
            Processes(plan.conninfo),
            self.reporter.unwritten,
            self.may_begin,
        )
        self.claimer = Claimer(
            plan,
            room=self.room,
            slot_freed=self.executor.slot_freed,
            start=self.start,
            hand_back_strays=self.hand_back_strays,
        )
        self.listener = Listener(
            plan.listen_conninfo,
            conninfo=plan.conninfo,
            on_ready=self.ready,
            on_cancel=self.cancel_asked,
            on_connected=self.claimer.wake,
        )

    def stop(self) -> None:
        """Finish what runs, for the grace time, and end. Asked a second time: hand back what runs, now."""
        if self.stopping.is_set():
            self.hurry.set()
            log.info("stopping at once")
            return
        self.stopping.set()
        asyncio.get_running_loop().call_later(LAST_CLAIM, self.claimer.steady.hang_up)
        log.info(
            "stopping: %d tasks have %g s to finish; asked again, they are handed back at once",
            len(self.executor.running),
            self.plan.grace,
        )

    async def run(self) -> None:
        """Claim, execute and finish tasks until told to stop; then drain."""
        if not await self.prepared():
            return
        async with self.registered(), asyncio.TaskGroup() as parts:
            own = (
                self.listener.run,
                self.parents.run,
                self.reporter.run,
                self.completer.run,
                self.give_up_what_cannot_be_renewed,
            )
            helpers = [parts.create_task(part()) for part in (*own, *self.beside)]
            with capturing():
                await self.claimer.run(self.stopping)
                self.lease_keeper.state = "draining"
                await self.executor.drain(self.plan.grace, self.hurry)
            await self.flush()
            for helper in helpers:
                helper.cancel()

    @asynccontextmanager
    async def registered(self) -> AsyncIterator[None]:
        """In the table of workers, with leases kept; and out of it again."""
        log.info(
            "worker %s (%s) serves %s; kinds: %s",
            self.plan.name,
            self.plan.id,
            ", ".join(self.plan.queue_names),
            ", ".join(self.plan.kinds),
        )
        try:
            yield
        finally:
            await asyncio.to_thread(self.lease_keeper.stop)

    async def prepared(self) -> bool:
        """Have the coming days' partitions before the first outcome needs one, and register.

        Waits for the database, and for its schema. False when told to stop before they were there.
        """
        first = SteadyConnection(self.plan.conninfo, "worker")
        while not self.stopping.is_set():
            try:
                await make_partitions(await first.get())
                await asyncio.to_thread(self.lease_keeper.start)
            except psycopg.Error as error:
                await first_of(first.recover(error), self.stopping.wait())
            else:
                await first.drop()
                return True
        await first.drop()
        return False

    async def flush(self) -> None:
        """Write the last lines and outcomes. A database that stays away is not waited for: the leases run out."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_FLUSH):
                await self.reporter.flushed()
                await self.completer.flushed()
        self.completer.steady.hang_up()

    def recorded(self, leases: Iterable[Lease]) -> None:
        """These outcomes are written: nothing of them is held any more."""
        self.lease_keeper.release(leases)
        self.executor.slot_freed.set()

    def room(self) -> int:
        """How many tasks to claim now."""
        unwritten = len(self.completer.backlog) + len(self.reporter.held)
        return self.executor.room if unwritten < MOST_UNWRITTEN else 0

    def start(self, tasks: Sequence[Claimed], asked_at: float) -> None:
        """Keep the leases of claimed tasks and run them."""
        for task in tasks:
            self.lose(task.id)  # an earlier attempt, which does not know yet
        self.lease_keeper.hold(tasks, asked_at)
        # Only the children among them wait for a read more.
        children = [task for task in tasks if task.has_parents and self.plan.handlers[task.kind].wants_context]
        awaited = self.parents.ask(children) if children else {}
        for task in tasks:
            self.executor.start(task, awaited.get(task.id))

    async def hand_back_strays(self, connection: AsyncConnection[Any]) -> None:
        """Hand back what this worker has by the table and knows nothing of: claims whose answer was lost."""
        known = self.lease_keeper.leases()
        there = await running_here(connection, self.plan.id)
        known |= self.lease_keeper.leases()  # what ended in between is in the first, what began in the second
        for lease in there - known:
            if lease.id not in self.executor.running:
                log.info("task %s was claimed and its claim's answer lost; it is handed back", lease.id)
                self.completer.add(Finished(lease, HandBack()))

    def may_begin(self, lease: Lease) -> bool:
        """Whether a claimed task is still this worker's to run."""
        if self.lease_keeper.counts_on(lease):
            return True
        log.warning("lease lost: task %s was not begun; its lease ran out first", lease.id)
        return False

    def ready(self, queue: str) -> None:
        """Somebody submitted to a queue."""
        if queue in self.plan.queue_names:
            self.claimer.wake()

    async def give_up_what_cannot_be_renewed(self) -> None:
        """Stop handlers whose lease could not be renewed in time: another worker may have their tasks soon."""
        while True:
            await asyncio.sleep(min(0.5, self.plan.lease / 20))
            for task in self.lease_keeper.forget_what_is_gone():
                self.lose(task)
            self.executor.hand_back_waiting()
            if not self.lease_keeper.thread.is_alive():
                raise RuntimeError("the lease keeper has ended: this worker can keep no task")

    def lose(self, task: UUID) -> None:
        """The lease of a task is lost: stop its handler; its outcome counts no more."""
        if task in self.executor.running:
            log.warning("lease lost: task %s is stopped and its outcome discarded", task)
            self.executor.interrupt(task, Interrupt.LOST)

    def cancel_asked(self, notification: str) -> None:
        """A notification came. Anybody may send one, whatever it says."""
        with contextlib.suppress(ValueError):
            self.cancel(UUID(notification))

    def cancel(self, task: UUID) -> None:
        """Somebody asked for a task to be cancelled."""
        self.executor.interrupt(task, Interrupt.CANCEL)
