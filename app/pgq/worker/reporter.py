"""Writes down what attempts say while they run, about once a second, and always before their outcome."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection

from pgq.db import task_logs as db
from pgq.db.duties import make_partitions
from pgq.db.outcomes import Finished
from pgq.db.steady import SteadyConnection, first_line
from pgq.values.report import LogLine, Said
from pgq.values.task import Lease
from pgq.worker.unwritten import BATCH_LINES, NOTHING, Unwritten

log = logging.getLogger("pgq.worker")

EVERY = 1.0
TRY_AGAIN = 0.05
"""Seconds after which a progress is tried again whose row somebody held, when an outcome waits for it."""

LONGEST_HELD = 3.0
"""Seconds that an outcome waits for its log: less than a lease lasts beyond the deadline, lest it be reaped."""

OLDEST = timedelta(hours=12)
"""Lines that waited longer are dated so: the day before yesterday has no partition."""


class Reporter:
    """Takes what attempts say, from any thread, and writes it in batches over a connection of its own.

    `done` is given the outcomes of attempts: at once, or, when there is something unwritten, after that is written.
    """

    def __init__(self, conninfo: str, worker: UUID, done: Callable[[Finished], None]) -> None:
        self.steady = SteadyConnection(conninfo, "reporter")
        self.worker = worker
        self.done = done
        self.unwritten = Unwritten()
        self.writing = NOTHING
        self.held: dict[Lease, tuple[Finished, asyncio.TimerHandle]] = {}
        self.asked = asyncio.Event()
        self.round_over = asyncio.Event()
        self.known: AsyncConnection[Any] | None = None

    def finish(self, finished: Finished) -> None:
        """An attempt is over: its outcome goes on once all that it said is written."""
        lease = finished.lease
        if not self.says(lease):
            self.done(finished)
            return
        timer = asyncio.get_running_loop().call_later(LONGEST_HELD, self.let_go, lease)
        self.held[lease] = (finished, timer)
        self.asked.set()

    def says(self, lease: Lease) -> bool:
        """Whether something of this attempt is unwritten."""
        writing = self.writing.of
        return bool((writing and lease in writing) or (self.unwritten and lease in self.unwritten))

    def let_go(self, lease: Lease) -> None:
        """Pass an outcome on."""
        if (held := self.held.pop(lease, None)) is not None:
            finished, timer = held
            timer.cancel()
            self.done(finished)

    async def run(self) -> None:
        """Write for ever."""
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(EVERY):
                        await self.asked.wait()
                self.asked.clear()
                await self.round()
                self.round_over.set()
        finally:
            await asyncio.shield(self.steady.drop())

    async def round(self) -> None:
        """Write what there is, until only little is left that nobody waits for."""
        while self.writing or self.unwritten:
            # No await between the two: an outcome finds what it waits for in one of them.
            self.writing = self.unwritten.take()
            more = len(self.writing.lines) >= BATCH_LINES
            locked = await self.write_progress(self.writing.progress) if self.writing.progress else False
            if self.writing.lines:
                await self.write_lines(self.writing.lines)
            self.writing = NOTHING
            for lease in list(self.held):
                if not self.says(lease):
                    self.let_go(lease)
            if not (more or self.held):
                return
            if locked:
                await asyncio.sleep(TRY_AGAIN)

    async def flushed(self) -> None:
        """Return once all that was said so far is written."""
        while self.writing or self.unwritten or self.held:
            self.round_over.clear()
            self.asked.set()
            await self.round_over.wait()

    async def write_progress(self, progress: dict[Lease, Said]) -> bool:
        """Write the newest progress of attempts; those whose lease is lost are forgotten.

        Whether some have to be tried again, because somebody held their rows.
        """
        try:
            answers = await self.steady.persist(partial(db.keep_progress, worker=self.worker, progress=progress))
        except psycopg.Error as error:
            log.error("the progress of %d tasks could not be kept: %s", len(progress), first_line(error))
            return False
        locked = {answer.id for answer in answers if answer.held and not answer.kept}
        for lease, said in progress.items():
            if lease.id in locked:
                self.unwritten.again(lease, said)
        return bool(locked)

    async def write_lines(self, lines: Sequence[LogLine]) -> None:
        """Write lines; a batch that the database refuses is halved until the bad line stands alone."""
        await self.write_dated(lines, await self.steady.persist(partial(self.moments_of, lines=lines)))

    async def write_dated(self, lines: Sequence[LogLine], moments: Sequence[datetime]) -> None:
        try:
            await self.steady.persist(partial(db.keep_lines, lines=lines, moments=moments))
        except psycopg.Error as error:
            if "no partition of relation" in str(error) and await self.steady.persist(make_partitions) > 0:
                await self.write_dated(lines, moments)
            elif len(lines) > 1:
                middle = len(lines) // 2
                await self.write_dated(lines[:middle], moments[:middle])
                await self.write_dated(lines[middle:], moments[middle:])
            else:
                log.error("task %s: a line of its log cannot be kept: %s", lines[0].lease.id, first_line(error))

    async def moments_of(self, connection: AsyncConnection[Any], lines: Sequence[LogLine]) -> list[datetime]:
        """When the lines were said, by the database's clock, which a new connection is asked for.

        Settled before they are written: written twice, they are the same lines.
        """
        if connection is not self.known:
            asked_at = monotonic()  # not afterwards: the answer may lie there while a handler keeps the loop busy
            self.clock, self.clock_read_at, self.known = await db.server_time(connection), asked_at, connection
        oldest = self.clock + timedelta(seconds=monotonic() - self.clock_read_at) - OLDEST
        return [max(self.clock + timedelta(seconds=line.at - self.clock_read_at), oldest) for line in lines]

    async def last_words(self, connection: AsyncConnection[Any]) -> None:
        """Write the lines that are left, over another connection: this worker's loop does nothing any more."""
        for batch in (self.writing, *iter(self.unwritten.take, NOTHING)):
            if batch.lines:
                await db.keep_lines(connection, batch.lines, await self.moments_of(connection, batch.lines))
