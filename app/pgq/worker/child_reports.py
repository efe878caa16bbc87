"""What a handler in a process of its own says, on its way to the worker."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict

from pgq.values.report import LogLine, Said
from pgq.values.task import Lease
from pgq.worker.messages import message

PROGRESS_EVERY = 0.1
"""Seconds between two messages of how far it is; what is said in between waits, and only the newest is sent."""


class ToReport:
    """Sends lines as they come, so that the last one before a crash is kept, and progress now and then.

    The worker numbers and bounds them once more: a handler's process is not believed.
    """

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.send = send
        self.lock = threading.RLock()
        self.unsent: Said | None = None
        self.sent_at = float("-inf")
        self.timer: threading.Timer | None = None

    def line(self, line: LogLine) -> None:
        """A line of the log."""
        said = {"level": line.level, "logger": line.logger, "message": line.message, "at": line.at}
        self.send_if_heard("Line", said)

    def progress(self, _lease: Lease, said: Said) -> None:
        """The newest progress."""
        with self.lock:
            self.unsent = said
            wait = self.sent_at + PROGRESS_EVERY - time.monotonic()
            if wait <= 0:
                self.flush()
            elif self.timer is None:
                self.timer = threading.Timer(wait, self.flush)
                self.timer.daemon = True
                self.timer.start()

    def flush(self) -> None:
        """Send the progress that waits."""
        with self.lock:
            said, self.unsent = self.unsent, None
            if self.timer is not None:
                self.timer.cancel()
                self.timer = None
            if said is not None:
                self.sent_at = time.monotonic()
                self.send_if_heard("Progress", asdict(said))

    def send_if_heard(self, name: str, said: object) -> None:
        """A worker that has gone ends this process anyway."""
        with suppress(OSError):
            self.send(message(name, json.dumps(said)))
