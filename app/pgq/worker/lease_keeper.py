"""Renews the leases of running tasks and says that the worker lives: in a thread, so that a busy loop loses none."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection

from pgq.db import leases as db
from pgq.db import workers
from pgq.db.connect import connect
from pgq.db.listener import ListenerState
from pgq.db.patience import PATIENCE
from pgq.db.steady import first_line
from pgq.values.task import Claimed, Lease
from pgq.worker.declared import Declared

log = logging.getLogger("pgq.worker")

BEAT_EVERY = 5.0
BATCH = 1000
MARGIN = 0.15
"""The share of a lease that is left when a worker gives it up by itself: room for a slow clock and a slow handler."""


@dataclass(slots=True)
class Held:
    """A lease, and until when this worker may count on it by its own monotonic clock."""

    lease: Lease
    seconds: float
    confirmed_at: float

    @property
    def due_at(self) -> float:
        """When to renew: after a third, so that two more tries fit."""
        return self.confirmed_at + self.seconds / 3

    @property
    def gone_at(self) -> float:
        """When to stop counting on it."""
        return self.confirmed_at + self.seconds * (1 - MARGIN)


class LeaseKeeper:
    """Holds leases until they are released; tells of those that are lost and of those whose cancellation is asked for.

    `on_lost` and `on_cancel` run in the keeper's thread. `listener` answers what to say of notifications.
    """

    def __init__(
        self,
        conninfo: str,
        row: workers.WorkerRow,
        kinds: list[workers.PublishedKind],
        lease: float,
        *,
        declared: Declared | None = None,
        listener: Callable[[], ListenerState | None] = lambda: None,
        on_lost: Callable[[UUID], object],
        on_cancel: Callable[[UUID], object],
    ) -> None:
        self.conninfo = conninfo
        self.row = row
        self.kinds = kinds
        self.declared = declared or Declared([])
        self.seconds = lease
        self.listener = listener
        self.on_lost = on_lost
        self.on_cancel = on_cancel
        self.held: dict[UUID, Held] = {}
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.state = "running"
        self.beat_at = 0.0
        self.connection: Connection[Any] | None = None
        self.failing = False
        self.thread = threading.Thread(target=self.run, name="pgq-lease-keeper", daemon=True)

    def hold(self, tasks: Iterable[Claimed], asked_at: float) -> None:
        """Keep these tasks' leases from now on; `asked_at` is when (monotonic) their claim was sent."""
        with self.lock:
            for task in tasks:
                self.held[task.id] = Held(task.lease, task.lease_seconds, asked_at)

    def release(self, leases: Iterable[Lease]) -> None:
        """Stop keeping these leases."""
        with self.lock:
            for lease in leases:
                held = self.held.get(lease.id)
                if held is not None and held.lease == lease:
                    del self.held[lease.id]

    def counts_on(self, lease: Lease) -> bool:
        """Whether this lease is kept, and not to be given up yet by the monotonic clock."""
        held = self.held.get(lease.id)
        return held is not None and held.lease == lease and time.monotonic() < held.gone_at

    def leases(self) -> set[Lease]:
        """The leases that are kept now."""
        with self.lock:
            return {held.lease for held in self.held.values()}

    def forget_what_is_gone(self) -> list[UUID]:
        """The leases that could not be renewed in time, by the monotonic clock. They are kept no longer."""
        now = time.monotonic()
        with self.lock:
            gone = [task for task, held in self.held.items() if held.gone_at <= now]
            for task in gone:
                del self.held[task]
        return gone

    def start(self) -> None:
        """Enter the worker in the table and start renewing. Raises psycopg.Error when the database does not answer."""
        try:
            workers.register(self.connected(), self.row, self.kinds)
            self.declared.publish(self.connected())
        except BaseException:
            self.disconnect()
            raise
        self.beat_at = time.monotonic()
        self.thread.start()

    def stop(self) -> None:
        """Stop renewing and take the worker out of the table."""
        self.stopping.set()
        self.thread.join()
        self.disconnect()  # done by the thread, unless that has failed
        try:
            with connect(self.conninfo) as connection:
                workers.leave(connection, self.row.id)
        except psycopg.Error as error:
            log.warning("could not leave the table of workers: %s", first_line(error))

    def run(self) -> None:
        """Renew and beat until told to stop."""
        pause = min(BEAT_EVERY, self.seconds / 6) / 2
        try:
            while not self.stopping.wait(pause):
                self.try_a_turn()
        finally:
            self.disconnect()

    def try_a_turn(self) -> None:
        """One turn; where the database does not answer, the next one tries again with a new connection."""
        try:
            self.turn(self.connected())
            self.failing = False
        except psycopg.Error as error:
            if not self.failing:
                log.warning("lease keeper: the database does not answer, trying again: %s", first_line(error))
            self.failing = True
            self.disconnect()

    def turn(self, connection: Connection[Any]) -> None:
        """Renew what is due, and beat when it is time."""
        now = time.monotonic()
        with self.lock:
            due = [held.lease for held in self.held.values() if held.due_at <= now]
        for start in range(0, len(due), BATCH):
            self.renew(connection, due[start : start + BATCH])
        if now - self.beat_at >= BEAT_EVERY:
            if not self.beat(connection):
                workers.register(connection, self.row, self.kinds)
                self.beat(connection)
            self.beat_at = now
            self.look_for_cancellations(connection)

    def beat(self, connection: Connection[Any]) -> bool:
        """Say that the worker lives, and how; False when it has been forgotten."""
        self.declared.show(connection)
        return workers.beat(connection, self.row.id, self.state, self.row.kinds, self.listener())

    def look_for_cancellations(self, connection: Connection[Any]) -> None:
        """Learn what a lost notification would have told, long before the leases are renewed."""
        with self.lock:
            leases = [held.lease for held in self.held.values()]
        if leases:
            for task in db.asked_to_cancel(connection, worker=self.row.id, leases=leases):
                self.on_cancel(task)

    def renew(self, connection: Connection[Any], leases: list[Lease]) -> None:
        """Renew exactly these; a row that somebody else holds at the moment is tried again at the next turn."""
        asked_at = time.monotonic()
        answers = db.extend(connection, worker=self.row.id, leases=leases, lease=self.seconds)
        epochs = {lease.id: lease.lease_epoch for lease in leases}
        lost: list[UUID] = []
        with self.lock:
            for answer in answers:
                held = self.held.get(answer.id)
                if held is None or held.lease.lease_epoch != epochs[answer.id]:
                    continue  # released meanwhile: its outcome is being written
                if answer.extended:
                    held.confirmed_at, held.seconds = asked_at, self.seconds
                elif not answer.held:
                    lost.append(answer.id)
                    del self.held[answer.id]
        for task in lost:
            self.on_lost(task)
        for answer in answers:
            if answer.cancel_requested:
                self.on_cancel(answer.id)

    def connected(self) -> Connection[Any]:
        """The keeper's connection; a new one when the old one broke."""
        if self.connection is None or self.connection.closed:
            # Given up early enough for another one to renew what this one could not.
            self.connection = connect(self.conninfo, patience=min(PATIENCE, self.seconds / 6))
        return self.connection

    def disconnect(self) -> None:
        """Close the connection."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()
