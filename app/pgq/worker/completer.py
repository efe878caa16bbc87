"""Writes down what became of attempts: many at once, each under its fence."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial
from uuid import UUID

import psycopg

from pgq.db.duties import make_partitions
from pgq.db.outcomes import Finished, record, settled
from pgq.db.steady import SteadyConnection, first_line
from pgq.values.outcome import BuryNow, ErrorInfo, clean
from pgq.values.task import Lease

log = logging.getLogger("pgq.worker")

BATCH = 500


class Completer:
    """Flushes outcomes as fast as the database takes them: what gathers during one flush makes the next.

    `recorded` is told the leases that are done with, whatever became of them.
    """

    def __init__(self, conninfo: str, worker: UUID, recorded: Callable[[Iterable[Lease]], None]) -> None:
        self.steady = SteadyConnection(conninfo, "completer")
        self.worker = worker
        self.recorded = recorded
        self.backlog: list[Finished] = []
        self.writing: list[Finished] = []
        self.something = asyncio.Event()
        self.nothing = asyncio.Event()
        self.nothing.set()

    def add(self, finished: Finished) -> None:
        """Queue an outcome for the next flush."""
        self.backlog.append(finished)
        self.nothing.clear()
        self.something.set()

    async def run(self) -> None:
        """Flush for ever."""
        try:
            while True:
                await self.something.wait()
                self.writing, self.backlog = self.backlog[:BATCH], self.backlog[BATCH:]
                await self.write(self.writing)
                self.writing = []
                if not self.backlog:
                    self.something.clear()
                    self.nothing.set()
        finally:
            await asyncio.shield(self.steady.drop())

    async def flushed(self) -> None:
        """Return once every outcome is written."""
        await self.nothing.wait()

    async def write(self, batch: list[Finished]) -> None:
        """Write a batch; one that the database refuses is halved until the bad row stands alone."""
        try:
            through = await self.steady.persist(partial(record, worker=self.worker, finished=batch))
        except psycopg.Error as error:
            if "no partition of relation" in str(error) and await self.steady.persist(make_partitions) > 0:
                await self.write(batch)
            elif len(batch) > 1:
                middle = len(batch) // 2
                await self.write(batch[:middle])
                await self.write(batch[middle:])
            else:
                await self.write_instead(batch[0], error)
            return
        if missing := [one.lease for one in batch if one.lease.id not in through]:
            await self.account_for(missing)
        self.recorded(one.lease for one in batch)

    async def account_for(self, missing: list[Lease]) -> None:
        """No row fitted the fence: either an earlier try was committed and its answer lost, or the lease is."""
        ours = await self.steady.persist(partial(settled, leases=missing))
        for lease in missing:
            if lease.id not in ours:
                log.warning("lease lost: task %s was taken from this worker; its outcome is discarded", lease.id)

    async def write_instead(self, one: Finished, error: psycopg.Error) -> None:
        """An outcome that the database cannot keep buries its task, with the database's reason."""
        if isinstance(one.outcome, BuryNow) and one.outcome.error.type == "UnstorableOutcome":
            log.error("task %s: its outcome cannot be kept: %s", one.lease.id, first_line(error))
            self.recorded([one.lease])
            return
        why = ErrorInfo(
            "UnstorableOutcome", clean(f"PostgreSQL cannot keep the outcome: {first_line(error)}", 2_000), ""
        )
        await self.write([Finished(one.lease, BuryNow(why))])
