"""Claims of remote workers, also those that wait: no connection for each who waits, and no claim either.

Workers with the same queues and kinds form a group. In a group one claim is under way at a time, and when it finds
nothing, nothing is there for the others. Then the group sleeps until a submit notifies, or until the look that is taken
once a second for all groups finds something ready in one of its queues.
"""

import asyncio
import random
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection

from pgq.api.outcomes import Outcomes
from pgq.api.remote import lease_seconds
from pgq.api.services import Services
from pgq.api.waiting import Waiting
from pgq.db import leases
from pgq.db.errors import translated
from pgq.values.errors import PgqError
from pgq.values.task import Claimed
from pgq.worker.cursors import Cursors

AT_ONCE = 4
"""Claims of different groups that are under way at the same time."""
PORTION = 25
LONGEST_TEXT = 4_000_000
"""A claim takes tasks by portions, and no further one once their payloads have so many characters."""
SOON_AGAIN = (0.005, 0.02, 0.1)
"""Looks after falling asleep: an insert that began before and commits after notifies nobody."""
SWEEP_SECONDS = 1.0
LAST_CLAIM_SECONDS = 2.0
"""How long a process that ends waits for the claim of somebody who has gone."""
CLOCK_SECONDS = 60.0
"""How long the server's time, once known, is counted on by the own clock."""


@dataclass(frozen=True, slots=True)
class Lot:
    """What one claim has taken: tasks with the time, by the database, up to which their lease certainly lasts."""

    tasks: list[tuple[Claimed, datetime]] = field(default_factory=list)


@dataclass(eq=False)
class Asking:
    """A claim of a worker that is not answered yet."""

    worker: UUID
    limit: int
    waits: bool
    answer: "asyncio.Future[Lot]"
    claiming: bool = False


Key = tuple[tuple[str, ...], tuple[str, ...] | None]


class Claims:
    """The groups of one process."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.groups: OrderedDict[Key, Group] = OrderedDict()
        self.at_once = asyncio.Semaphore(AT_ONCE)
        self.waiting = services.part(Waiting)
        self.outcomes = services.part(Outcomes)
        self.handing_back: set[asyncio.Task[None]] = set()

    async def claim(
        self, worker: UUID, queues: Sequence[str], kinds: Sequence[str] | None, limit: int, wait: float
    ) -> Lot:
        """Up to `limit` tasks for a worker, which waits for the first one for `wait` seconds at most.

        Raises DatabaseUnavailable. When the caller is cancelled, what was taken for it is handed back.
        """
        key = tuple(sorted(queues)), None if kinds is None else tuple(sorted(kinds))
        group = self.groups.get(key) or self.groups.setdefault(key, Group(self, key))
        asking = Asking(worker, limit, wait > 0, asyncio.get_running_loop().create_future())
        try:
            group.add(asking)
            await self.waiting.until_done(asking.answer, worker, wait)
            if not asking.answer.done():
                asking.waits = False
                if not asking.claiming:
                    group.withdraw(asking)
                    return Lot()
            return await asyncio.shield(asking.answer)
        except asyncio.CancelledError:
            group.withdraw(asking)
            self.give_back(asking)
            raise

    def give_back(self, asking: Asking) -> None:
        """Its worker has gone: hand back what was taken for it, or is just being taken."""

        def taken(answer: "asyncio.Future[Lot]") -> None:
            if not answer.cancelled() and answer.exception() is None:
                self.hand_back(asking.worker, answer.result())

        if asking.claiming or asking.answer.done():
            asking.answer.add_done_callback(taken)

    def hand_back(self, worker: UUID, lot: Lot) -> None:
        """Have tasks that nobody got run again at once, without an attempt lost."""
        if not lot.tasks:
            return
        given = self.outcomes.hand_back(worker, [task.lease for task, _ in lot.tasks])
        self.handing_back.add(handing := asyncio.create_task(given))
        handing.add_done_callback(self.handing_back.discard)
        self.waiting.keep(handing)

    def forget(self, group: "Group") -> None:
        """A group that nobody asks is kept for its cursors, up to a point."""
        self.groups.move_to_end(group.key)
        for key in list(self.groups)[: max(0, len(self.groups) - 1_000)]:
            if self.groups[key].serving is None:
                del self.groups[key]

    async def close(self) -> None:
        """End the groups; whoever asks has been answered, or has gone. What was just taken for him is handed back."""
        running = [group.serving for group in self.groups.values() if group.serving is not None]
        if running:
            _, stuck = await asyncio.wait(running, timeout=LAST_CLAIM_SECONDS)
            for one in stuck:
                one.cancel()
            await asyncio.wait(running)
        if self.handing_back:
            await asyncio.wait(self.handing_back)


class Group:
    """Workers that want the same."""

    def __init__(self, claims: Claims, key: Key) -> None:
        self.claims = claims
        self.key = key
        self.queues, self.kinds = key
        self.lease = lease_seconds(claims.services.settings)
        self.asked: list[Asking] = []
        self.woken = asyncio.Event()
        self.serving: asyncio.Task[None] | None = None
        self.cursors: Cursors | None = None
        self.clock, self.known_at = datetime.min, 0.0
        self.saturated = False

    def add(self, asking: Asking) -> None:
        """One more to serve."""
        self.asked.append(asking)
        self.woken.set()
        if self.serving is None:
            self.serving = asyncio.create_task(self.serve())

    def withdraw(self, asking: Asking) -> None:
        """It wants nothing more."""
        if asking in self.asked:
            self.asked.remove(asking)
            if not self.asked:
                self.woken.set()

    async def serve(self) -> None:
        """Claim for one after the other, as long as anybody asks."""
        naps: list[float] = []
        try:
            while self.asked:
                self.woken.clear()
                asking = self.asked[0]
                lot = await self.claim_for(asking)
                if lot is not None and lot.tasks:
                    continue
                for one in [one for one in self.asked if not one.waits]:
                    self.answer(one, Lot())
                if self.asked and lot is not None:
                    naps = list(SOON_AGAIN) if await self.say_that_we_wait() else naps
                    await self.sleep(naps.pop(0) if naps else None)
        finally:
            self.claims.waiting.asleep.discard(self)
            self.serving = None
            self.claims.forget(self)

    async def claim_for(self, asking: Asking) -> Lot | None:
        """Claim for one and answer it; None when the database did not answer: then nobody has to wait any longer."""
        asking.claiming = True
        try:
            async with self.claims.at_once, self.claims.services.pools.connection_async() as connection:
                lot = await self.claim(connection, asking)
        except (psycopg.Error, PgqError) as error:
            self.cursors = None
            for one in list(self.asked):
                self.answer(one, translated(error))
            return None
        finally:
            asking.claiming = False
        if lot.tasks:
            self.answer(asking, lot)
        return lot

    def answer(self, asking: Asking, said: Lot | Exception) -> None:
        if asking in self.asked:
            self.asked.remove(asking)
        if asking.answer.done():
            return
        if isinstance(said, Lot):
            asking.answer.set_result(said)
        else:
            asking.answer.set_exception(said)
            asking.answer.exception()  # a caller that has gone does not ask

    async def say_that_we_wait(self) -> bool:
        """Have submits notify; True when they did not before."""
        try:
            return await self.claims.waiting.say({one.worker for one in self.asked})
        except (psycopg.Error, PgqError) as error:
            for one in list(self.asked):
                self.answer(one, translated(error))
            return False

    async def sleep(self, nap: float | None) -> None:
        """Until somebody wakes the group; at most for `nap` seconds."""
        self.claims.waiting.asleep.add(self)
        try:
            async with asyncio.timeout(nap):
                await self.woken.wait()
        except TimeoutError:
            pass
        finally:
            self.claims.waiting.asleep.discard(self)

    async def claim(self, connection: AsyncConnection[Any], asking: Asking) -> Lot:
        """Portion by portion, as long as there is more and it is not too much for one answer."""
        lot = Lot()
        characters = 0
        while (room := min(PORTION, asking.limit - len(lot.tasks))) > 0 and characters < LONGEST_TEXT:
            try:
                tasks, sent = await self.claim_portion(connection, asking.worker, room)
            except psycopg.Error:
                if not lot.tasks:
                    raise
                self.cursors = None
                break  # what is claimed already is the worker's
            lot.tasks.extend((task, sent + timedelta(seconds=task.lease_seconds)) for task in tasks)
            characters += sum(len(task.payload) for task in tasks)
            if len(tasks) < room:
                break
        return lot

    async def claim_portion(
        self, connection: AsyncConnection[Any], worker: UUID, room: int
    ) -> tuple[list[Claimed], datetime]:
        """One statement, which reads the lanes from where the last one of this group ended; and when it was sent.

        The queues come in random order, so that none keeps the others from their turn.
        """
        if self.cursors is None or time.monotonic() - self.known_at > CLOCK_SECONDS:
            self.clock = await leases.server_clock(connection)
            self.known_at = time.monotonic()
        if self.cursors is None:
            self.cursors, self.saturated = Cursors(self.queues, SWEEP_SECONDS), False
        asked_at = time.monotonic()
        clock = self.clock + timedelta(seconds=asked_at - self.known_at)
        reading = self.cursors.reading(asked_at, saturated=self.saturated)
        tasks = await leases.claim(
            connection,
            worker=worker,
            queues=random.sample(self.queues, len(self.queues)),
            budgets=[room] * len(self.queues),
            kinds=self.kinds,
            room=room,
            lease=self.lease,
            reading=reading,
        )
        given = Counter(task.queue for task in tasks)
        self.saturated = len(tasks) == room
        self.cursors.learn(
            reading,
            tasks,
            exhausted=[] if self.saturated else [queue for queue in self.queues if given[queue] < room],
            now=asked_at,
            took=time.monotonic() - asked_at,
            clock=clock,
        )
        return tasks, clock
