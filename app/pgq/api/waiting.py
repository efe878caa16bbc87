"""Remote workers that wait for tasks: one listener and one look a second for all of them in a process."""

import asyncio
import logging
import time
from typing import Any, Protocol
from uuid import UUID

import psycopg

from pgq.api.remote import RemoteWorkers, Sign
from pgq.api.services import Services
from pgq.db import remote as db
from pgq.db.errors import our_errors
from pgq.db.listener import Listener
from pgq.values.errors import PgqError

log = logging.getLogger("pgq.api")

LOOK_EVERY = 1.0
BEAT_EVERY = 4.0
"""Who waits lives, and need not say so."""
AWAY = 1.0
"""Seconds after which a worker that waits no more need not be woken: at most one change a second for each."""


class Sleeper(Protocol):
    """Somebody to be woken when something is ready in one of the queues."""

    queues: tuple[str, ...]
    woken: asyncio.Event


class Waiting:
    """Who waits in this process, and what wakes them."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.workers = services.part(RemoteWorkers)
        self.asleep: set[Sleeper] = set()
        self.ends: dict[UUID, list[asyncio.Future[None]]] = {}
        self.said: dict[UUID, float] = {}
        self.saying = asyncio.Lock()
        self.beat_at = float("-inf")
        self.helpers: set[asyncio.Task[Any]] = set()
        self.upkeep: asyncio.Task[None] | None = None
        self.listener: Listener | None = None

    async def until_done(self, answer: "asyncio.Future[Any]", worker: UUID, wait: float) -> None:
        """Until there is an answer. A worker that waits: for so many seconds, and until the process or it is to end."""
        if wait <= 0:
            await asyncio.wait([answer])
            return
        self.begin()
        end = asyncio.get_running_loop().create_future()
        ends = self.ends.setdefault(worker, [])
        ends.append(end)
        try:
            if not self.services.stopping.is_set():
                await asyncio.wait([answer, end], timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ends.remove(end)
            if not ends and self.ends.get(worker) is ends:
                del self.ends[worker]
            if worker in self.said:
                self.said[worker] = time.monotonic()

    def begin(self) -> None:
        """Listen and look from the first one who waits on."""
        if self.listener is None:
            self.listener = Listener(
                self.services.listen_conninfo,
                conninfo=self.services.conninfo,
                on_ready=self.wake,
                on_cancel=lambda _: None,
                on_connected=self.wake_all,
            )
            self.keep(asyncio.create_task(self.listener.run()))
            self.keep(asyncio.create_task(self.end()))
        if self.upkeep is None:
            self.upkeep = asyncio.create_task(self.run())

    def keep(self, task: "asyncio.Task[Any]") -> None:
        """Hold a task until it is done; its error is logged, not lost."""

        def done(task: "asyncio.Task[Any]") -> None:
            self.helpers.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                log.warning("remote workers: %s", error)

        self.helpers.add(task)
        task.add_done_callback(done)

    def wake(self, queue: str) -> None:
        """Somebody submitted to a queue."""
        for sleeper in self.asleep:
            if queue in sleeper.queues:
                sleeper.woken.set()

    def wake_all(self) -> None:
        for sleeper in self.asleep:
            sleeper.woken.set()

    def end_waits_of(self, worker: UUID) -> None:
        """A worker is to wait no more: it drains, or is gone."""
        for end in self.ends.get(worker, ()):
            if not end.done():
                end.set_result(None)

    async def end(self) -> None:
        """When the process is to end, all who wait are answered."""
        await self.services.stopping.wait()
        for worker in list(self.ends):
            self.end_waits_of(worker)

    async def say(self, workers: set[UUID]) -> bool:
        """Have submits to the queues of these workers notify; True when for one of them they did not before."""
        async with self.saying:
            new = workers - self.said.keys()
            if new:
                await self.with_connection(db.wait_for_tasks, list(new))
            self.said.update(dict.fromkeys(workers, time.monotonic()))
        return bool(new)

    async def with_connection(self, do: Any, *given: Any) -> Any:
        with our_errors():
            async with self.services.pools.connection_async() as connection:
                return await do(connection, *given)

    async def run(self) -> None:
        """Once a second, as long as anybody waits or is said to."""
        try:
            while self.ends or self.said:
                await asyncio.sleep(LOOK_EVERY)
                try:
                    await self.look()
                    await self.forget_who_is_away()
                    if time.monotonic() - self.beat_at >= BEAT_EVERY:
                        await self.beat()
                        self.beat_at = time.monotonic()
                except (psycopg.Error, PgqError) as error:
                    log.debug("remote workers: the database does not answer: %s", error)
                    self.wake_all()  # their own claims tell them
        finally:
            self.upkeep = None

    async def look(self) -> None:
        """Wake those for whom something may be ready: what was dated for now, or what no notification told."""
        queues = {queue for sleeper in self.asleep for queue in sleeper.queues}
        if queues:
            for queue in await self.with_connection(db.ready_queues, sorted(queues)):
                self.wake(queue)

    async def forget_who_is_away(self) -> None:
        """Who has not waited for a moment is at work, or has gone."""
        now = time.monotonic()
        async with self.saying:
            away = [one for one, at in self.said.items() if one not in self.ends and now - at > AWAY]
            if away:
                await self.with_connection(db.stop_waiting, away)
                for one in away:
                    del self.said[one]

    async def beat(self) -> None:
        """Those who wait live, and still wait, whatever others said of them. Those who drain, or are gone, end."""
        workers = list(self.ends)
        found = await asyncio.gather(*(self.workers.signs.ask(Sign(one)) for one in workers))
        for one, worker in zip(workers, found, strict=True):
            if worker is None or worker.draining:
                self.end_waits_of(one)
        if waiting := [one for one in workers if one in self.said]:
            await self.with_connection(db.wait_for_tasks, waiting)

    async def close(self) -> None:
        """Notify nobody any more, and stop."""
        if self.said:
            self.ends.clear()
            try:
                await self.with_connection(db.stop_waiting, list(self.said))
            except (psycopg.Error, PgqError):
                log.debug("remote workers: they are forgotten as waiting in a minute")
        tasks = [*self.helpers, *([self.upkeep] if self.upkeep else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
