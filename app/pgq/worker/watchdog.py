"""Makes a worker that can work no more leave, so that its supervisor starts one that can."""

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import psycopg

from pgq.db.connect import connect, connect_async
from pgq.db.outcomes import Finished, HandBack, record
from pgq.db.steady import first_line
from pgq.db.workers import leave
from pgq.values.errors import PgqError
from pgq.values.outcome import Outcome, decide
from pgq.worker.call import policy_of, too_long
from pgq.worker.process import leave_now
from pgq.worker.running import Running
from pgq.worker.worker import Worker

log = logging.getLogger("pgq.worker")

PATIENCE = 30.0
"""Seconds beyond its timeout after which a handler that has not returned counts as stuck."""

SLACK = 5.0
"""Seconds beyond its grace time after which a stopping worker whose loop does not answer is stuck, too."""

LOOK_EVERY = 1.0
LAST_FLUSH = 5.0
FAILED = 1


class WorkerStuck(PgqError):
    """Handlers that do not return keep this process from working."""


class Watchdog:
    """Watches a worker from a thread, for as long as the block lasts.

    Handlers that hold half of the slots, long after their time: their worker hands back what else it runs and stops.
    A handler that holds the event loop, long after its time: the watchdog does that itself and ends the process.
    """

    def __init__(self, worker: Worker, *, leave_process: Callable[[int], object] = leave_now) -> None:
        self.worker = worker
        self.leave_process = leave_process
        self.loop = asyncio.get_running_loop()
        self.verdict: str | None = None
        self.answered_at = self.awake_since = self.looked_at = time.monotonic()
        self.leave_by = float("inf")
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, name="pgq-watchdog", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()

    def judge(self) -> None:
        """Raise WorkerStuck if the worker was stopped for that."""
        if self.verdict is not None:
            raise WorkerStuck(self.verdict)

    def stop_worker(self) -> None:
        """Ask the worker to stop, from any thread or signal handler, and see to it that it does."""
        grace = self.worker.plan.grace if self.leave_by == float("inf") else 0
        self.leave_by = time.monotonic() + grace + SLACK
        self.tell(self.worker.stop)

    def tell(self, what: Callable[[], None]) -> None:
        """Let the loop do something, if it is still there."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(what)

    def run(self) -> None:
        """Look every second."""
        while not self.over.wait(LOOK_EVERY):
            self.tell(self.answer)
            self.look(time.monotonic())

    def answer(self) -> None:
        """Runs on the loop: it is free."""
        self.answered_at = time.monotonic()

    def look(self, now: float) -> None:
        """Judge, by the monotonic clock. Time in which the whole process was frozen is nobody's fault."""
        if now - self.looked_at > 5 * LOOK_EVERY:
            self.awake_since = now
        self.looked_at = now
        silent = now - max(self.answered_at, self.awake_since)
        if silent >= SLACK and now >= self.leave_by:
            self.leave("told to stop, it does not: the event loop is blocked")
        elif silent >= PATIENCE and self.late(self.worker.executor.running.copy().values(), now):
            self.leave(f"a handler blocks the event loop for {silent:.0f} s, beyond its timeout")
        elif silent < LOOK_EVERY * 3 and self.verdict is None:
            stuck = self.late(self.worker.executor.occupied.copy(), now)
            if stuck and 2 * len(stuck) >= self.worker.executor.slots:
                self.give_up(stuck)

    def late(self, attempts: Iterable[Running], now: float) -> list[Running]:
        """Those of the attempts that should have been over long ago."""
        return [one for one in attempts if now - max(one.due_at, self.awake_since) >= PATIENCE]

    def give_up(self, stuck: Sequence[Running]) -> None:
        """The loop is free: the worker stops by itself, at once."""
        names = ", ".join(f"{one.task.kind} {one.task.id}" for one in stuck[:10])
        self.verdict = f"{len(stuck)} handlers did not return long after their time was over: {names}"
        log.critical("%s; handing back the rest and leaving. All threads:\n%s", self.verdict, stacks())
        self.stop_worker()
        self.stop_worker()

    def leave(self, why: str) -> None:
        """The loop is not free: hand back what it holds, over a connection of our own, and end the process."""
        log.critical("%s; handing back what it runs and leaving. All threads:\n%s", why, stacks())
        try:
            asyncio.run(self.hand_back())
        except Exception:
            log.exception("could not hand back; the leases run out")
        self.over.set()
        self.leave_process(FAILED)

    async def hand_back(self) -> None:
        """Give back what runs, end what is beyond its timeout, write what waits to be written; each under its fence."""
        plan, executor, completer = self.worker.plan, self.worker.executor, self.worker.completer
        reporter = self.worker.reporter
        held = [finished for finished, _ in reporter.held.copy().values()]
        self.worker.lease_keeper.stopping.set()
        running = [one for one in executor.running.copy().values() if not one.given_up]
        async with await connect_async(plan.conninfo) as connection:
            # What the completer was writing may be locked by its own transaction, until this process ends.
            last = ([self.end_of(one) for one in running], [*held, *completer.writing, *completer.backlog])
            outcomes = [record(connection, plan.id, finished) for finished in last]
            writes: list[Coroutine[Any, Any, object]] = [reporter.last_words(connection), *outcomes]
            for write in writes:
                try:
                    async with asyncio.timeout(LAST_FLUSH):
                        await write
                except (psycopg.Error, TimeoutError) as error:
                    log.error("could not hand back: %s; the leases run out", first_line(error))
        with connect(plan.conninfo) as farewell:
            leave(farewell, plan.id)

    def end_of(self, running: Running) -> Finished:
        """What becomes of an attempt that this process cannot go on with."""
        task, thread = running.task, running.thread
        policy = policy_of(self.worker.plan.handlers[task.kind])
        outcome: Outcome | HandBack = HandBack()
        if thread is not None and thread.done() and not thread.cancelled():  # only the loop does not know yet
            result, error = thread.result()
            outcome = decide(error, result, task, policy)
        elif running.due_at < time.monotonic():
            outcome = decide(too_long(task), None, task, policy)
        return Finished(task.lease, outcome)


def stacks() -> str:
    """What every thread is doing; those that do the same, together."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    doing: dict[str, list[str]] = defaultdict(list)
    for ident, frame in sys._current_frames().items():
        doing["".join(traceback.format_stack(frame))].append(names.get(ident, str(ident)))
    return "\n".join(f"{', '.join(some)}:\n{stack}" for stack, some in doing.items())
