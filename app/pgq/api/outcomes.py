"""What remote workers report of their attempts: those that come together share statements and commits.

The same report again finds the attempt ended by this worker's own word, and is answered as the first one was.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import AsyncConnection

from pgq.api.gather import Gather
from pgq.api.problems import Problem
from pgq.api.services import Services
from pgq.db import remote
from pgq.db.duties import make_partitions
from pgq.db.errors import translated
from pgq.db.outcomes import Finished, HandBack, record_all
from pgq.db.steady import OURS_TO_BLAME, SteadyConnection
from pgq.values.errors import DatabaseUnavailable
from pgq.values.outcome import DEFAULT_BACKOFF, BuryNow, Complete, ErrorInfo, RetryLater, SnoozeFor
from pgq.values.task import Lease

LANES = 4
"""Connections for outcomes. One is enough, and batches are largest then; the others stand in for one that is stuck."""
STUCK_AFTER = 0.5
"""Seconds after which a batch is waiting for somebody else: for a row that he has locked, or for the server."""
PATIENCE = 5.0
"""Seconds that an outcome waits for a database that does not answer."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed. Another one follows after `delay` seconds (None: the default backoff), unless not `retry`."""

    error: ErrorInfo
    retry: bool
    delay: float | None

    def decided(self, attempt: remote.Attempt) -> RetryLater | BuryNow:
        """What becomes of the task. One that is to be cancelled is put back, which ends it as cancelled."""
        if attempt.cancel_requested:
            return RetryLater(0, self.error)
        if not self.retry or attempt.attempt >= attempt.max_attempts:
            return BuryNow(self.error)
        return RetryLater(DEFAULT_BACKOFF(attempt.attempt) if self.delay is None else self.delay, self.error)


Answer = bool | Exception


class Report(NamedTuple):
    """What a worker says of an attempt."""

    worker: UUID
    lease: Lease
    said: Complete | SnoozeFor | HandBack | Failed

    @property
    def gist(self) -> "Gist":
        """The same for the same report again."""
        return self.worker, self.lease, type(self.said)


Gist = tuple[UUID, Lease, type[Complete | SnoozeFor | HandBack | Failed]]


class Outcomes:
    """The lanes of one process."""

    def __init__(self, services: Services) -> None:
        self.lanes = [OutcomeLane(services.conninfo) for _ in range(LANES)]

    async def tell(self, worker: UUID, lease: Lease, said: Complete | SnoozeFor | HandBack | Failed) -> None:
        """Write it down; returns after the commit. Raises the problem `lease_lost`, and DatabaseUnavailable."""
        if not await self.lane().gather.ask(Report(worker, lease, said)):
            raise Problem("lease_lost", f"task {lease.id} is not this worker's under lease_epoch {lease.lease_epoch}")

    async def hand_back(self, worker: UUID, leases: Iterable[Lease]) -> None:
        """Have these tasks run again at once, without an attempt lost. A lease that is lost is nobody's concern."""
        ask = self.lane().gather.ask
        await asyncio.gather(*(ask(Report(worker, lease, HandBack())) for lease in leases))

    def lane(self) -> "OutcomeLane":
        """The first one that is not stuck. The same report over two does no harm: the fence lets one through."""
        return next((lane for lane in self.lanes if not lane.is_stuck()), self.lanes[0])

    async def close(self) -> None:
        """Finish what has gathered, then close the connections."""
        for lane in self.lanes:
            await lane.close()


class OutcomeLane:
    """One connection, used by one batch at a time."""

    def __init__(self, conninfo: str) -> None:
        self.steady = SteadyConnection(conninfo, "outcomes")
        self.gather: Gather[Report, bool] = Gather(self.write)
        self.began: float | None = None

    def is_stuck(self) -> bool:
        """Whether its batch has been under way for long."""
        return self.began is not None and time.monotonic() - self.began > STUCK_AFTER

    async def write(self, reports: Sequence[Report]) -> list[Answer]:
        """Whether each was written, now or before."""
        self.began = time.monotonic()
        try:
            return await self.write_all(reports)
        finally:
            self.began = None

    async def write_all(self, reports: Sequence[Report]) -> list[Answer]:
        """One statement a kind of outcome, whoever reports."""
        first: dict[Gist, Report] = {}
        for report in reports:
            first.setdefault(report.gist, report)
        answers: dict[Gist, Answer] = {}
        for some in rounds(first.values()):
            answers.update(await self.persist(some))
        return [answers[report.gist] for report in reports]

    async def persist(self, reports: Sequence[Report]) -> dict[Gist, Answer]:
        """Write them, again when the connection broke: the fence lets nothing through twice."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return await self.write_once(await self.steady.get(), reports)
            except OURS_TO_BLAME as error:
                if "no partition of relation" in str(error) and await make_partitions(await self.steady.get()) > 0:
                    continue
                return await self.halved(reports, error)
            except psycopg.Error as error:
                known = translated(error)
                if not isinstance(known, DatabaseUnavailable) or time.monotonic() > until:
                    return dict.fromkeys((report.gist for report in reports), known)
                await self.steady.recover(error)

    async def halved(self, reports: Sequence[Report], error: Exception) -> dict[Gist, Answer]:
        """One of these cannot be kept: the others are, and it is refused."""
        if len(reports) == 1:
            said = error.diag.message_primary if isinstance(error, psycopg.Error) else str(error)
            return {reports[0].gist: Problem("invalid", f"PostgreSQL cannot keep the outcome: {said}")}
        middle = len(reports) // 2
        return {**await self.persist(reports[:middle]), **await self.persist(reports[middle:])}

    async def write_once(self, connection: AsyncConnection[Any], reports: Sequence[Report]) -> dict[Gist, Answer]:
        """Write what the fence lets through, and look up the rest: it may have been written before."""
        failed = [(report.worker, report.lease) for report in reports if isinstance(report.said, Failed)]
        attempts = await remote.attempts(connection, failed) if failed else {}
        finished = []
        for report in reports:
            match report.said:
                case Failed() as said:
                    if attempt := attempts.get(report.lease.id):
                        finished.append((report.worker, Finished(report.lease, said.decided(attempt))))
                case Complete() | SnoozeFor() | HandBack() as outcome:
                    finished.append((report.worker, Finished(report.lease, outcome)))
        through = await record_all(connection, finished)
        missing = [report for report in reports if report.lease.id not in through]
        known = [(one.worker, one.lease, how_it_ended(one.said)) for one in missing]
        ended = await remote.settled(connection, known) if known else set()
        self.steady.waits = 0
        return {report.gist: report.lease.id in through or report.lease.id in ended for report in reports}

    async def close(self) -> None:
        """Finish what has gathered, then close the connection."""
        if self.gather.running is not None:
            await self.gather.running
        await self.steady.drop()


def how_it_ended(said: Complete | SnoozeFor | HandBack | Failed) -> remote.Ended:
    """What there is to be found of an attempt of which this was said before."""
    match said:
        case Complete():
            return "completed"
        case Failed():
            return "failed"
        case SnoozeFor() | HandBack():
            return "put back"


def rounds(reports: Iterable[Report]) -> list[list[Report]]:
    """The reports in as few parts as may be, each with one of a task's: the answers know tasks by their ids."""
    parts: list[dict[UUID, Report]] = []
    for report in reports:
        part = next((one for one in parts if report.lease.id not in one), None)
        if part is None:
            parts.append(part := {})
        part[report.lease.id] = report
    return [list(part.values()) for part in parts]
