"""Real worker processes for tests, and the signals that befall them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pgq.supervisor.link import VARIABLE
from tests.outside_log import OutsideLog
from tests.until import until

ROOT = Path(__file__).parents[1]
PYTHONPATH = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
LOG_VARIABLE = "PGQ_TEST_OUTSIDE_LOG"

LEASE = 3.0
"""Seconds. Short enough to wait for, long enough for a thread that is starved of its CPU to renew it in time."""

LONG_LEASE = 60.0
"""Seconds. For tests where no lease may run out, however slow the machine is."""


class WorkerProcess:
    """`python -m pgq worker …` in a process of its own; what it says goes to a file.

    The process is the worker itself, supervised by the test; or `whole`: the supervisor, with worker processes below.
    """

    def __init__(
        self, words: Sequence[str], outside: OutsideLog, said: Path, environment: dict[str, str], *, whole: bool
    ) -> None:
        self.outside = outside
        self.said_path = said
        self.whole = whole
        self.link, theirs = socket.socketpair()
        with said.open("wb") as output, theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "pgq", "worker", *words],
                cwd=ROOT,
                env={
                    **os.environ,
                    "PYTHONPATH": PYTHONPATH,
                    **({} if whole else {VARIABLE: str(theirs.fileno())}),
                    **environment,
                },
                pass_fds=[] if whole else [theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.frozen = False

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def lives(self) -> bool:
        return self.process.poll() is None

    def said(self) -> str:
        """Its log so far."""
        return self.said_path.read_text(errors="replace")

    def wait_to_hear(self, words: str) -> None:
        """Until its log holds these words."""

        def heard() -> bool:
            assert self.lives or words in self.said(), f"the worker ended ({self.process.returncode}):\n{self.said()}"
            return words in self.said()

        until(heard, lambda: f"the worker to say {words!r}; it said:\n{self.said()}")

    def wait_until_ready(self) -> "WorkerProcess":
        """Until it serves its queues."""
        self.wait_to_hear("serves")
        return self

    def kill(self) -> None:
        """kill -9; on return it is dead, and the outside log knows."""
        self.process.kill()
        self.process.wait()
        self.outside.write("killed", pid=self.pid)

    def freeze(self) -> None:
        """SIGSTOP: alive, holding its connections, and doing nothing."""
        self.process.send_signal(signal.SIGSTOP)
        self.frozen = True
        self.outside.write("frozen", pid=self.pid)

    def thaw(self) -> None:
        """SIGCONT."""
        self.outside.write("thawed", pid=self.pid)
        self.process.send_signal(signal.SIGCONT)
        self.frozen = False

    def tell_to_stop(self) -> None:
        """SIGTERM, as an orchestrator sends it."""
        self.process.terminate()

    def exit_code(self) -> int:
        """Wait for its end."""
        until(lambda: not self.lives, lambda: f"process {self.pid} to end; it said:\n{self.said()[-3000:]}")
        return self.process.returncode

    def end(self) -> None:
        """Whatever state it is in: end it, so that the test leaves nothing behind."""
        if self.lives and self.whole:
            self.tell_to_stop()
            self.process.send_signal(signal.SIGINT)
            self.exit_code()
        if self.lives:
            self.process.kill()
            self.process.wait()
        self.link.close()


class Fleet:
    """The workers of one test, on one database, with one outside log."""

    def __init__(self, conninfo: str, folder: Path) -> None:
        self.conninfo = conninfo
        self.folder = folder
        self.outside = OutsideLog(folder / "outside.log")
        self.workers: list[WorkerProcess] = []

    def start(self, *words: str, whole: bool = False, **settings: Any) -> WorkerProcess:
        """`pgq worker WORDS`; `settings` are pgq's, by their names: `lease_seconds=3`. `whole`: with its supervisor."""
        said = self.folder / f"worker-{len(self.workers)}.log"
        worker = WorkerProcess(words, self.outside, said, self.environment(**settings), whole=whole)
        self.workers.append(worker)
        return worker

    def environment(self, **settings: Any) -> dict[str, str]:
        """What a worker finds in its environment."""
        return {
            "PGQ_DATABASE_URL": self.conninfo,
            "PGQ_LEASE_SECONDS": str(LEASE),
            LOG_VARIABLE: str(self.outside.path),
            **{f"PGQ_{name.upper()}": str(value) for name, value in settings.items()},
        }

    def until(self, event: str, count: int) -> None:
        """Until the outside log has so many events of this name."""
        until(
            lambda: self.outside.count(event) >= count,
            lambda: f"{count} of {event!r}, not {self.outside.count(event)}; the workers said:\n{self.said()[-3000:]}",
        )

    def said(self) -> str:
        """What all workers have said."""
        return "".join(worker.said() for worker in self.workers)

    def end(self) -> None:
        """End what still runs."""
        for worker in self.workers:
            worker.end()
        self.outside.close()
