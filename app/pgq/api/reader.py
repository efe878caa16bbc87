"""Claims for remote workers of one group, one claim at a time: where they read, and how much they take."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from pgq.db import leases
from pgq.values.task import Claimed
from pgq.worker.cursors import Cursors

PORTION = 25
LONGEST_TEXT = 4_000_000
"""A claim takes tasks by portions, and no further one once their payloads have so many characters."""
SWEEP_SECONDS = 1.0
CLOCK_SECONDS = 60.0
"""How long the server's time, once known, is counted on by the own clock."""


@dataclass(frozen=True, slots=True)
class Lot:
    """What one claim has taken: tasks with the time, by the database, up to which their lease certainly lasts."""

    tasks: list[tuple[Claimed, datetime]] = field(default_factory=list)


class Reader:
    """Reads the lanes of some queues. `saturated`: the last claim got all that it asked for."""

    def __init__(self, queues: Sequence[str], kinds: Sequence[str] | None, lease: float) -> None:
        self.queues = queues
        self.kinds = kinds
        self.lease = lease
        self.cursors: Cursors | None = None
        self.clock, self.known_at = datetime.min, 0.0
        self.saturated = False

    def forget(self) -> None:
        """Begin anew: the last claim got no answer."""
        self.cursors, self.saturated = None, False

    async def claim(self, connection: AsyncConnection[Any], worker: UUID, limit: int) -> Lot:
        """Portion by portion, as long as there is more and it is not too much for one answer."""
        lot = Lot()
        characters = 0
        while (room := min(PORTION, limit - len(lot.tasks))) > 0 and characters < LONGEST_TEXT:
            tasks, sent = await self.claim_portion(connection, worker, room)
            lot.tasks.extend((task, sent + timedelta(seconds=task.lease_seconds)) for task in tasks)
            characters += sum(len(task.payload) for task in tasks)
            if len(tasks) < room:
                break
        return lot

    async def claim_portion(
        self, connection: AsyncConnection[Any], worker: UUID, room: int
    ) -> tuple[list[Claimed], datetime]:
        """One statement, which reads the lanes from where the last one ended; and when it was sent.

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
