"""Takes tasks from the queues, as many as can be started now."""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import AsyncConnection

from pgq.db import leases, workers
from pgq.db.steady import SteadyConnection
from pgq.values.task import Claimed
from pgq.worker.bell import Bell
from pgq.worker.budgets import shared
from pgq.worker.cursors import Cursors
from pgq.worker.plan import WorkerPlan

log = logging.getLogger("pgq.worker")

SOON_AGAIN = (0.005, 0.02, 0.1)
"""Looks after falling asleep: an insert that began before and commits after notifies nobody."""

SAY_AGAIN = 30.0
"""Seconds after which a waiting worker says again that it waits: silent for a minute, it was forgotten."""

LONGEST_FULL = 1.0
"""How long a full worker stays registered as waiting; at most one change a second."""


class Claimer:
    """Claims when there is room and something may be ready; sleeps until a notification or for the poll interval."""

    def __init__(
        self,
        plan: WorkerPlan,
        *,
        room: Callable[[], int],
        slot_freed: Bell,
        start: Callable[[Sequence[Claimed], float], None],
        hand_back_strays: Callable[[AsyncConnection[Any]], Coroutine[Any, Any, None]],
    ) -> None:
        self.plan = plan
        self.room = room
        self.slot_freed = slot_freed
        self.start = start
        self.hand_back_strays = hand_back_strays
        self.steady = SteadyConnection(plan.conninfo, "claimer")
        self.woken = Bell()
        self.waiting = False
        self.said_at = 0.0
        self.full_since: float | None = None
        self.naps: list[float] = []
        self.saturated = False
        self.say_what_is_left = True
        self.known: AsyncConnection[Any] | None = None

    def wake(self) -> None:
        """Look at the queues now."""
        self.woken.ring()

    def let_go(self, _: object) -> None:
        """Wait for nothing any more."""
        self.woken.ring()
        self.slot_freed.ring()

    async def run(self, stopping: asyncio.Event) -> None:
        """Claim until told to stop."""
        until_stopped = asyncio.ensure_future(stopping.wait())
        until_stopped.add_done_callback(self.let_go)
        try:
            while not stopping.is_set():
                try:
                    connection = await self.steady.get()
                    await self.turn(connection)
                    if self.plan.drain and await self.drained(connection):
                        stopping.set()
                except psycopg.Error as error:
                    self.waiting = False
                    await self.steady.recover(error)
        finally:
            until_stopped.cancel()
            await self.steady.drop()

    async def turn(self, connection: AsyncConnection[Any]) -> None:
        """One claim, and the sleep after it when nothing more is ready."""
        room = self.room()
        if room <= 0:
            await self.wait_for_a_slot(connection)
            return
        self.full_since = None
        self.woken.clear()
        names, budgets = shared(room, self.plan.queues)
        tasks, exhausted = await self.claim(connection, names, budgets, room)
        self.steady.waits = 0
        self.saturated = len(tasks) == room
        # A queue that gave its whole budget may hold more, while another left its share unused.
        if not self.saturated and len(exhausted) == len(names):
            await self.sleep(connection)

    async def claim(
        self, connection: AsyncConnection[Any], names: Sequence[str], budgets: Sequence[int], room: int
    ) -> tuple[list[Claimed], list[str]]:
        """Claim and start; answers the tasks, and the queues that have no more."""
        if connection is not self.known:
            await self.get_to_know(connection)
        asked_at = time.monotonic()
        reading = self.cursors.reading(asked_at, saturated=self.saturated)
        tasks = await leases.claim(
            connection,
            worker=self.plan.id,
            queues=names,
            budgets=budgets,
            kinds=self.plan.kinds,
            room=room,
            lease=self.plan.lease,
            reading=reading,
            durable=False,
        )
        if tasks:
            self.start(tasks, asked_at)
        given = Counter(task.queue for task in tasks)
        exhausted = [
            name for name, budget in zip(names, budgets, strict=True) if given[name] < budget and len(tasks) < room
        ]
        self.cursors.learn(
            reading,
            tasks,
            exhausted=exhausted,
            now=asked_at,
            took=time.monotonic() - asked_at,
            clock=self.clock + timedelta(seconds=asked_at - self.known_at),
        )
        return tasks, exhausted

    async def get_to_know(self, connection: AsyncConnection[Any]) -> None:
        """A new connection, perhaps to another server: ask for its time, and trust no cursor.

        And hand back what the last claim took, if its answer was lost. Should that claim still be going on, it is not
        seen here; it runs out.
        """
        await self.hand_back_strays(connection)
        self.known_at = time.monotonic()
        self.clock = await leases.server_clock(connection)
        self.cursors = Cursors(self.plan.queue_names, self.plan.poll)
        self.known = connection

    async def sleep(self, connection: AsyncConnection[Any]) -> None:
        """Nothing is ready. Say so once, so that submits notify; look again soon after; then at every poll interval."""
        if not self.waiting or time.monotonic() - self.said_at > SAY_AGAIN:
            await workers.wait_for_tasks(connection, self.plan.id, self.plan.queue_names)
            self.waiting, self.said_at = True, time.monotonic()
            self.naps = list(SOON_AGAIN)
            return
        nap = self.naps.pop(0) if self.naps else self.plan.poll * random.uniform(0.75, 1)  # noqa: S311
        await self.woken.heard(nap)

    async def drained(self, connection: AsyncConnection[Any]) -> bool:
        """Whether a worker that only empties its queues has done so; asked when it has nothing to do itself."""
        if self.room() < self.plan.concurrency:
            return False
        nothing_left = await leases.drained(connection, self.plan.queue_names)
        if nothing_left:
            log.info("drained: nothing is ready, running or retrying in %s", ", ".join(self.plan.queue_names))
        elif self.say_what_is_left:
            log.info("nothing to claim; waiting for retries, for what others run, and for kinds that only others have")
            self.say_what_is_left = False
        return nothing_left

    async def wait_for_a_slot(self, connection: AsyncConnection[Any]) -> None:
        """All slots are taken. A worker that stays full for a second need not be woken by submits."""
        self.full_since = self.full_since or time.monotonic()
        patience = self.full_since + LONGEST_FULL - time.monotonic()
        if self.waiting and patience <= 0:
            await workers.stop_waiting(connection, self.plan.id)
            self.waiting = False
        self.slot_freed.clear()
        if self.room() <= 0:
            await self.slot_freed.heard(max(patience, 0.01) if self.waiting else None)
