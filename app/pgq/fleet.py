"""A `pgq worker` that another command starts for itself, with its processes, and that ends with the command."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from psycopg import Connection

from pgq.db.overview import worker_utilization
from pgq.values.errors import PgqError

READY_WITHIN = 60.0
"""Seconds in which the workers must have registered."""

STOP_WITHIN, END_WITHIN = 60.0, 30.0
"""Seconds that a stopping fleet may take before it is killed."""

LAST_LINES = 15
"""So much of its log is told when it fails."""


class FleetFailed(PgqError):
    """The workers did not start, or ended by themselves; the message has the end of their log."""


class Fleet:
    """One supervisor and its worker processes."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: IO[bytes]) -> None:
        self.process = process
        self.log = log

    @property
    def pid(self) -> int:
        """The supervisor's."""
        return self.process.pid

    def wait_for_workers(self, connection: Connection[Any], queue: str, count: int) -> None:
        """Return once `count` live workers serve the queue. Raises FleetFailed."""
        deadline = time.monotonic() + READY_WITHIN
        while sum(queue in worker["queues"] for worker in worker_utilization(connection)) < count:
            self.check()
            if time.monotonic() > deadline:
                raise FleetFailed(f"the workers did not start within {READY_WITHIN:g} seconds:\n{self.last_words()}")
            time.sleep(0.05)

    def check(self) -> None:
        """Raise FleetFailed when it has ended."""
        if (code := self.process.poll()) is not None:
            raise FleetFailed(f"the workers ended with exit code {code}:\n{self.last_words()}")

    def stop(self) -> int:
        """Tell it to finish what runs, and wait; answers the exit code. One that does not stop is killed."""
        self.send(signal.SIGTERM)
        return self.wait(STOP_WITHIN)

    def end(self) -> None:
        """End it at once: what runs is handed back."""
        self.send(signal.SIGTERM)
        self.send(signal.SIGINT)  # another one: two that are equal could become one
        self.wait(END_WITHIN)

    def send(self, number: signal.Signals) -> None:
        """Signal the supervisor, if it lives."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    def wait(self, patience: float) -> int:
        """Wait for its end; a fleet that takes longer than `patience` seconds is killed, and its workers notice."""
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        self.log.seek(0)
        return "\n".join(self.log.read().decode(errors="replace").splitlines()[-LAST_LINES:]) or "it said nothing"


@contextmanager
def fleet(conninfo: str, *words: str, **settings: object) -> Iterator[Fleet]:
    """Run `pgq worker *words` on a database until the block ends; then none of its processes is left.

    `settings` are pgq's by their names (`lease_seconds=5`); those of this process's environment do not count.
    """
    given = {"database_url": conninfo, "log_level": "warning", **settings}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PGQ_")}
    environment |= {f"PGQ_{name.upper()}": str(value) for name, value in given.items() if value is not None}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pgq", "worker", *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a Ctrl-C is for the command, which then stops its workers
        )
        started = Fleet(process, log)
        try:
            yield started
        finally:
            started.end()


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the block SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does: what was started is stopped."""
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
