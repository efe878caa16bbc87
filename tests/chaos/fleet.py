"""Who takes part in a chaos run: workers, each behind a proxy of its own, submitters, and the server."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pgq.db.migrate import upgrade
from tests.proxy import Proxy
from tests.restartable import RestartableServer
from tests.submitters import KeyedSubmitter, PythonSubmitter, Request, SqlSubmitter
from tests.workers import LEASE, Fleet, WorkerProcess

APP = "tests.chaos.chaos_app"
CONCURRENCY = 6
GRACE = 2.0
KINDS = {"work": 6, "work_in_thread": 4, "flaky": 3, "hopeless": 1}
"""Kinds and how often each is submitted."""

LONGEST_TASK = 0.4
PAUSE = 0.08
"""Seconds between two submits of one submitter: in all less than what the workers can do."""


@dataclass(eq=False)
class Member:
    """A worker process and the proxy that it reaches the database through."""

    process: WorkerProcess
    proxy: Proxy


class ChaosFleet:
    """The workers that are to live, those that were told to stop, and the submitters."""

    def __init__(self, server: RestartableServer, folder: Path, size: int, seed: int) -> None:
        self.server = server
        self.fleet = Fleet(server.conninfo, folder)
        self.outside = self.fleet.outside
        self.size = size
        self.members: list[Member] = []
        self.leaving: list[Member] = []
        self.gone: list[Member] = []
        self.enough = threading.Event()
        self.door = Proxy(server.conninfo)
        self.submitters = [
            kind(conninfo, self.outside, self.enough, choose=requests(seed + number), pause=PAUSE)
            for number, (kind, conninfo) in enumerate(
                [
                    (KeyedSubmitter, self.door.conninfo),
                    (PythonSubmitter, self.door.conninfo),
                    (SqlSubmitter, server.conninfo),
                ]
            )
        ]

    def open(self) -> None:
        """Migrate, and start everybody."""
        upgrade(self.server.conninfo)
        for _ in range(self.size):
            self.add_worker()
        for member in self.members:
            member.process.wait_until_ready()
        for submitter in self.submitters:
            submitter.start()

    def add_worker(self) -> Member:
        """One more; it may start while the database is away."""
        proxy = Proxy(self.server.conninfo)
        process = self.fleet.start(
            APP, database_url=proxy.conninfo, concurrency=CONCURRENCY, grace_seconds=GRACE, lease_seconds=LEASE
        )
        member = Member(process, proxy)
        self.members.append(member)
        return member

    def proxies(self) -> list[Proxy]:
        """Every way to the database that can be disturbed."""
        return [self.door, *(member.proxy for member in (*self.members, *self.leaving))]

    def look_after_the_leaving(self) -> None:
        """Note who of those that were told to stop has ended."""
        for member in list(self.leaving):
            if not member.process.lives:
                self.outside.write("exited", pid=member.process.pid)
                self.leaving.remove(member)
                self.gone.append(member)
                member.proxy.close()

    def stop_submitting(self) -> None:
        """No more tasks; on return every acknowledgement is in the outside log."""
        self.enough.set()
        for submitter in self.submitters:
            submitter.join(60)

    def failures(self) -> list[BaseException]:
        """What submitters did not expect."""
        stuck = [RuntimeError(f"{type(s).__name__} did not end") for s in self.submitters if s.is_alive()]
        return [*stuck, *(submitter.failure for submitter in self.submitters if submitter.failure is not None)]

    def close(self) -> None:
        """Leave nothing behind."""
        self.enough.set()
        self.fleet.end()
        for proxy in self.proxies():
            proxy.close()


def requests(seed: int) -> Callable[[], Request]:
    """What one submitter submits, one after the other."""
    rng = random.Random(seed)
    kinds, weights = list(KINDS), list(KINDS.values())

    def choose() -> Request:
        return rng.choices(kinds, weights)[0], {"seconds": round(rng.uniform(0, LONGEST_TASK), 3)}

    return choose
