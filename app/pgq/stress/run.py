"""A stress from its first task to its report."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from pgq.db.connect import connect
from pgq.db.errors import our_errors
from pgq.db.filters import LIVE, DeadLetterFilter, TaskFilter
from pgq.db.sql import sql
from pgq.fleet import Fleet, fleet
from pgq.operate.bulk import cancel_matching, purge_matching, server_time
from pgq.stress.handlers import app, hang
from pgq.stress.plan import Ending, Planned, plan
from pgq.stress.verify import Wrong, verify

CHUNK = 1_000
LOOK_EVERY = 0.1
"""Seconds between two looks at how many tasks are left."""

PATIENCE = 60.0
"""Seconds without any progress after which what is left is reported as it is."""

KINDS = sorted(app.handlers)


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for. `listen` is the database past a pooler."""

    conninfo: str
    listen: str | None
    tasks: int
    failure_rate: float
    workers: int
    keep: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What became of it. `leftovers` are in words."""

    queue: str
    tasks: int
    seconds: float
    endings: dict[str, int]
    wrong: Sequence[Wrong]
    leftovers: Sequence[str]

    @property
    def ok(self) -> bool:
        """Whether everything ended as it should."""
        return not self.wrong and not self.leftovers

    @property
    def rate(self) -> float:
        """Tasks a second."""
        return self.tasks / self.seconds

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "ok": self.ok,
            "queue": self.queue,
            "tasks": self.tasks,
            "seconds": round(self.seconds, 3),
            "tasks_per_second": round(self.rate, 1),
            "endings": self.endings,
            "wrong": [{"id": str(one.id), "expected": one.expected, "found": one.found} for one in self.wrong],
            "leftovers": list(self.leftovers),
        }


Seen = Callable[[int, int], None]
"""Is told how many tasks have been submitted and how many of them have ended, now and then."""


def stress(order: Order, seen: Seen) -> Report:
    """Submit, run, look, verify, and clean up. Raises FleetFailed, SchemaError, DatabaseUnavailable."""
    queue = f"stress-{uuid4().hex[:12]}"
    app.use_database(order.conninfo)
    try:
        with our_errors(), traces_removed(order, queue), connected(order.conninfo) as connection:
            left(connection, queue)  # without a fitting schema this says so, where workers would wait for one
            return run(order, queue, connection, seen)
    finally:
        app.close()


def connected(conninfo: str) -> Connection[Any]:
    """A connection in autocommit mode."""
    return connect(conninfo)


def run(order: Order, queue: str, connection: Connection[Any], seen: Seen) -> Report:
    """The stress itself, in a queue of its own."""
    command = ("pgq.stress.handlers:app", "-q", queue, "--processes", str(order.workers))
    with fleet(order.conninfo, *command, direct_url=order.listen) as workers:
        workers.wait_for_workers(connection, queue, order.workers)
        begin = time.monotonic()
        expected: dict[UUID, Ending] = {}
        tasks = plan(order.tasks, order.failure_rate, queue, server_time(connection))
        while chunk := list(islice(tasks, CHUNK)):
            expected.update(submit(connection, chunk))
            look(workers, connection, queue, len(expected), seen)
        wait_for_the_end(workers, connection, queue, len(expected), seen)
        seconds = time.monotonic() - begin
        leftovers = list(left_over(workers, connection, queue))
    verdict = verify(connection, expected)
    return Report(queue, len(expected), seconds, dict(sorted(verdict.endings.items())), verdict.wrong, leftovers)


def submit(connection: Connection[Any], chunk: Sequence[Planned]) -> Iterable[tuple[UUID, Ending]]:
    """Submit some tasks, and cancel at once those that are to be; answers how each has to end."""
    handles = app.submit_many([one.task for one in chunk], connection=connection)
    doomed = [handle.id for handle, one in zip(handles, chunk, strict=True) if one.cancel]
    connection.execute(sql("cancel_many"), {"ids": doomed})
    return [(handle.id, one.ending) for handle, one in zip(handles, chunk, strict=True)]


def look(workers: Fleet, connection: Connection[Any], queue: str, submitted: int, seen: Seen) -> int:
    """Cancel what waits for that, tell how far it is, and answer how many tasks are left."""
    workers.check()
    rows = connection.execute(sql("stress/ids_to_stop"), {"queue": queue, "kind": hang.kind}).fetchall()
    connection.execute(sql("cancel_many"), {"ids": [row[0] for row in rows]})
    remaining = left(connection, queue)
    seen(submitted, submitted - remaining)
    return remaining


def left(connection: Connection[Any], queue: str) -> int:
    """How many tasks have not ended."""
    row = connection.execute(sql("stress/left"), {"queue": queue}).fetchone()
    return row[0] if row else 0


def wait_for_the_end(workers: Fleet, connection: Connection[Any], queue: str, submitted: int, seen: Seen) -> None:
    """Return once nothing is left, or nothing has ended for a long time."""
    least, since = submitted + 1, time.monotonic()
    while remaining := look(workers, connection, queue, submitted, seen):
        if remaining < least:
            least, since = remaining, time.monotonic()
        elif time.monotonic() - since > PATIENCE:
            return
        time.sleep(LOOK_EVERY)


def left_over(workers: Fleet, connection: Connection[Any], queue: str) -> Iterator[str]:
    """Stop the workers; what should be gone then and is not."""
    if (code := workers.stop()) != 0:
        yield f"the workers ended with exit code {code}: {workers.last_words()}"
    row = connection.execute(sql("stress/workers_left"), {"queue": queue}).fetchone()
    if row and row[0]:
        yield f"{row[0]} workers are still in the table of workers"
    if remaining := left(connection, queue):
        yield f"{remaining:,} tasks have not ended"


@contextmanager
def traces_removed(order: Order, queue: str) -> Iterator[None]:
    """Afterwards nothing of the queue is live; its dead letters are purged unless they are to be kept.

    What was interrupted half-way is cancelled. The history of the tasks that ended goes when its retention ends.
    """
    try:
        yield
    finally:
        # A connection of its own: the other one may have been interrupted in the middle of a statement.
        with connected(order.conninfo) as connection:
            cancel_matching(connection, TaskFilter(queues=(queue,), states=frozenset(LIVE)))
            if not order.keep:
                purge_matching(connection, DeadLetterFilter(queues=(queue,)))
                connection.execute(sql("stress/forget_kinds"), {"kinds": KINDS})
