"""What one attempt says while it runs: its progress and its log lines, within bounds."""

import math
import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from pgq.values.outcome import clean
from pgq.values.task import Claimed, Lease

MOST_LINES = 10_000
MOST_CHARACTERS = 1_000_000
"""So much of an attempt's log is kept."""

LONGEST_LINE = 10_000
LONGEST_WORDS = 1_000
"""Characters of a log line, and of the message that goes with a progress."""

NO_MORE = "… further lines were not kept"
OURS = "pgq"
"""The logger of what pgq itself adds to a log."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of an attempt's log: whose, which one from 1, and when it was said by the monotonic clock."""

    lease: Lease
    attempt: int
    n: int
    at: float
    level: str
    logger: str
    message: str


@dataclass(frozen=True, slots=True)
class Said:
    """How far an attempt is, by its own word."""

    value: float
    message: str


class Sink(Protocol):
    """Takes what attempts say, from any thread, at once."""

    def line(self, line: LogLine, /) -> None:
        """A line of a log."""

    def progress(self, lease: Lease, said: Said, /) -> None:
        """The newest progress."""


class Report:
    """What one attempt says, from any of its threads, until it is over. Nothing here waits for anything.

    The lock is one that its own thread may take again: a finalizer may log at any moment.
    """

    # Of the class until they change: most attempts say nothing, and every one makes a report.
    lines = 0
    characters = 0
    partial = ""
    full = False
    over = False

    def __init__(self, task: Claimed, sink: Sink) -> None:
        self.task = task
        self.sink = sink
        self.lock = threading.RLock()

    @property
    def silent(self) -> bool:
        """Nothing that is said now is kept."""
        return self.full or self.over

    def log(self, level: str, logger: str, message: str, at: float | None = None) -> None:
        """A line of the log; `at` by the monotonic clock, default now."""
        if self.silent:
            return
        message = clean(message, LONGEST_LINE)
        with self.lock:
            if self.full or self.over:
                return
            self.lines += 1
            self.characters += len(message)
            if self.lines > MOST_LINES or self.characters > MOST_CHARACTERS:
                self.full = True
                level, logger, message = "warning", OURS, NO_MORE
            moment = time.monotonic() if at is None else at
            names = clean(level, 50) or "notset", clean(logger, 200)
            self.sink.line(LogLine(self.task.lease, self.task.attempt, self.lines, moment, *names, message))

    def printed(self, text: str) -> None:
        """Some of what a handler prints; a line of the log once the line is whole."""
        if self.silent:
            return
        with self.lock:
            *lines, self.partial = (self.partial + text[: MOST_CHARACTERS + 1]).split("\n")
            if len(self.partial) > LONGEST_LINE:
                lines.append(self.partial)
                self.partial = ""
            for line in lines:
                self.log("info", "print", line)

    def progress(self, value: float, message: str = "") -> None:
        """How far the attempt is. Raises ValueError for a `value` that is no number from 0 to 1."""
        said = Said(fraction(value), clean(str(message), LONGEST_WORDS))
        if not self.over:
            self.sink.progress(self.task.lease, said)

    def close(self) -> None:
        """The attempt is over: what was printed without the end of its line is one, too; what comes later is lost."""
        if self.partial:
            self.printed("\n")
        self.over = True


def fraction(value: float) -> float:
    """The value of a progress. Raises ValueError when it is no number from 0 to 1."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"progress must be a number from 0 to 1, not {type(value).__name__}") from None
    if not (math.isfinite(number) and 0 <= number <= 1):
        raise ValueError(f"progress must be from 0 to 1, not {number:g}; divide by the total")
    return number


current: ContextVar[Report | None] = ContextVar("pgq.report", default=None)
"""The report of the attempt whose handler this is; None outside of handlers."""
