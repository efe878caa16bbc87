"""The remote workers that come to this process: whose they are, and that they live."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from starlette.concurrency import run_in_threadpool

from pgq.api.access import Caller, hide
from pgq.api.gather import Gather
from pgq.api.services import Services
from pgq.db import remote as db
from pgq.db.errors import our_errors
from pgq.db.remote import RemoteWorker
from pgq.values.settings import Settings
from pgq.values.task import REMOTE_LEASE_SECONDS

SEE_KINDS_EVERY = 60.0
MOST_KNOWN = 10_000
"""Workers that a process remembers, so that not every outcome asks for its worker again."""


def lease_seconds(settings: Settings) -> float:
    """How long a claim over HTTP lasts: no longer than other workers' do."""
    return min(REMOTE_LEASE_SECONDS, settings.lease_seconds)


def heartbeat_seconds(settings: Settings) -> float:
    """How often a worker is to renew its leases: two more tries fit before one runs out."""
    return round(lease_seconds(settings) * 0.3, 3)


@dataclass(frozen=True, slots=True)
class Sign:
    """A worker's sign of life, and how many tasks it takes at once as far as that is known."""

    worker: UUID
    capacity: int = 1


class RemoteWorkers:
    """Signs of life that come together share a statement."""

    def __init__(self, services: Services) -> None:
        self.pools = services.pools
        self.known: dict[UUID, RemoteWorker] = {}
        self.kinds_seen: dict[str, float] = {}
        self.signs: Gather[Sign, RemoteWorker | None] = Gather(self.beat)

    async def close(self) -> None:
        """Wait for the signs that are on their way."""
        if self.signs.running is not None:
            await self.signs.running

    async def alive(self, caller: Caller, worker_id: UUID, capacity: int = 1) -> RemoteWorker:
        """The caller's worker as it is now, which has just given a sign of life. Raises the problem 404."""
        await self.speaks_for(caller, worker_id)  # nobody gives another one's sign
        return own(caller, await self.signs.ask(Sign(worker_id, capacity)))

    async def speaks_for(self, caller: Caller, worker_id: UUID) -> None:
        """Raise the problem 404 unless this is the caller's worker. Whose it is never changes: asked once."""
        worker = self.known.get(worker_id)
        if worker is None:
            worker = await run_in_threadpool(self.find, worker_id)
            self.remember([] if worker is None else [worker])
        own(caller, worker)

    def find(self, worker_id: UUID) -> RemoteWorker | None:
        with our_errors(), self.pools.connection() as connection:
            return db.find(connection, worker_id)

    def remember(self, workers: Sequence[RemoteWorker]) -> None:
        if len(self.known) > MOST_KNOWN:
            self.known.clear()
        self.known.update((worker.id, worker) for worker in workers)

    async def beat(self, signs: Sequence[Sign]) -> list[RemoteWorker | None]:
        """Write signs of life, and see the kinds of those who gave them."""
        capacities: dict[UUID, int] = {}
        for sign in signs:
            capacities[sign.worker] = max(sign.capacity, capacities.get(sign.worker, 1))
        now = time.monotonic()
        with our_errors():
            async with self.pools.connection_async() as connection:
                found = await db.beat(connection, capacities)
                kinds = {kind for worker in found.values() for kind in worker.kinds}
                unseen = [
                    kind for kind in kinds if now - self.kinds_seen.get(kind, -SEE_KINDS_EVERY) >= SEE_KINDS_EVERY
                ]
                if unseen:
                    await db.see_kinds(connection, unseen)
        if len(self.kinds_seen) > MOST_KNOWN:
            self.kinds_seen.clear()
        self.kinds_seen.update(dict.fromkeys(unseen, now))
        self.remember(list(found.values()))
        for gone in capacities.keys() - found.keys():
            self.known.pop(gone, None)
        return [found.get(sign.worker) for sign in signs]


def own(caller: Caller, worker: RemoteWorker | None) -> RemoteWorker:
    """The worker, if the caller may speak for it: its token registered it, or the caller is an admin."""
    if worker is None or not (worker.token_id == caller.token_id or caller.may()):
        hide("worker")
    return worker
