"""Claims of remote workers, also those that wait: no connection for each who waits, and no claim either.

Workers with the same queues and kinds form a group. A group claims for one of them, and for several side by side as
long as all get what they ask for. When a claim finds nothing, nothing is there for the others. Then the group sleeps
until a submit notifies, or until the look that is taken once a second for all groups finds something ready in one of
its queues.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg

from pgq.api.outcomes import Outcomes
from pgq.api.reader import Lot, Reader
from pgq.api.remote import lease_seconds
from pgq.api.services import Services
from pgq.api.waiting import Waiting
from pgq.db.errors import translated
from pgq.values.errors import PgqError

AT_ONCE = 4
"""Claims that are under way at the same time, of one group or of several."""
SOON_AGAIN = (0.005, 0.02, 0.1)
"""Looks after falling asleep: an insert that began before and commits after notifies nobody."""


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
            if not answer.cancelled() and answer.exception() is None and answer.result().tasks:
                self.hand_back(asking.worker, answer.result())

        if asking.claiming or asking.answer.done():
            asking.answer.add_done_callback(taken)

    def hand_back(self, worker: UUID, lot: Lot) -> None:
        """Have tasks that nobody got run again at once, without an attempt lost."""
        given = self.outcomes.hand_back(worker, [task.lease for task, _ in lot.tasks])
        self.waiting.keep(asyncio.create_task(given))

    def forget(self, group: "Group") -> None:
        """A group that nobody asks is kept for its cursors, up to a point."""
        self.groups.move_to_end(group.key)
        for key in list(self.groups)[: max(0, len(self.groups) - 1_000)]:
            if self.groups[key].serving is None:
                del self.groups[key]

    async def close(self) -> None:
        """End the groups; whoever asks has been answered, or has gone."""
        running = [group.serving for group in self.groups.values() if group.serving is not None]
        for one in running:
            one.cancel()
        if running:
            await asyncio.wait(running)


class Group:
    """Workers that want the same."""

    def __init__(self, claims: Claims, key: Key) -> None:
        self.claims = claims
        self.key = key
        self.queues, self.kinds = key
        lease = lease_seconds(claims.services.settings)
        self.readers = [Reader(self.queues, self.kinds, lease) for _ in range(AT_ONCE)]
        self.width = 1
        self.asked: list[Asking] = []
        self.woken = asyncio.Event()
        self.serving: asyncio.Task[None] | None = None

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
        """Claim for those who ask, as long as anybody does."""
        naps: list[float] = []
        try:
            while self.asked:
                self.woken.clear()
                if await self.claim_side_by_side():
                    continue
                for one in [one for one in self.asked if not one.waits]:
                    self.answer(one, Lot())
                if self.asked:
                    naps = list(SOON_AGAIN) if await self.say_that_we_wait() else naps
                    await self.sleep(naps.pop(0) if naps else None)
        finally:
            self.claims.waiting.asleep.discard(self)
            self.serving = None
            self.claims.forget(self)

    async def claim_side_by_side(self) -> bool:
        """Claim for the first who ask, for more at once while there is plenty; False: nothing is there."""
        some = list(zip(self.readers[: self.width], self.asked, strict=False))
        answered = await asyncio.gather(*(self.claim_for(asking, reader) for reader, asking in some))
        plenty = all(reader.saturated for reader, _ in some)
        self.width = min(2 * self.width, AT_ONCE) if plenty else 1
        return any(answered)

    async def claim_for(self, asking: Asking, reader: Reader) -> bool:
        """Claim for one; whether it is answered. When the database did not answer, nobody has to wait any longer."""
        asking.claiming = True
        try:
            async with self.claims.at_once, self.claims.services.pools.connection_async() as connection:
                lot = await reader.claim(connection, asking.worker, asking.limit)
        except (psycopg.Error, PgqError) as error:
            reader.forget()
            for one in [one for one in self.asked if one is asking or not one.claiming]:
                self.answer(one, translated(error))
            return True
        finally:
            asking.claiming = False
        if lot.tasks:
            self.answer(asking, lot)
        return bool(lot.tasks)

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
