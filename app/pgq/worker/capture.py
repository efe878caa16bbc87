"""Keeps what handlers log and print with their tasks, while a worker runs in this process.

Logging is caught where a logger hands a record to its handlers: past its level and its filters, and whatever handlers a
program has or takes away. A handler on the root logger would see less, and would itself change what the program logs.
"""

import functools
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from pgq.values.report import Report, current

FORMATTER = logging.Formatter()
lock = threading.Lock()
installed: list[Callable[[], None]] = []
"""How to take it out again, once for each worker that runs in this process; only the last of them does it."""


class Printed:
    """A stream that keeps what handlers write with their tasks, and writes it all the same."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        if (report := current.get()) is not None and isinstance(text, str):
            report.printed(text)
        written: int = self.stream.write(text)
        return written

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)


@contextmanager
def capturing() -> Iterator[None]:
    """Keep what handlers log and print, until the block ends. What nobody prints in a handler only passes through."""
    with lock:
        installed.append(installed[-1] if installed else install())
    try:
        yield
    finally:
        with lock:
            take_out = installed.pop()
            if not installed:
                take_out()


def install() -> Callable[[], None]:
    """Catch records and prints; answers how to stop that."""
    hand_on = logging.Logger.callHandlers

    @functools.wraps(hand_on)
    def keep_and_hand_on(self: logging.Logger, record: logging.LogRecord) -> None:
        report = current.get()
        if report is None:
            return hand_on(self, record)
        keep(report, record)
        token = current.set(None)  # a handler that prints it prints nothing new
        try:
            return hand_on(self, record)
        finally:
            current.reset(token)

    stdout = sys.stdout
    printed: Any = Printed(stdout)
    logging.Logger.callHandlers = keep_and_hand_on  # type: ignore[method-assign]
    if stdout is not None:
        sys.stdout = printed

    def take_out() -> None:
        # Somebody may have put something of their own over it: that stays, and what is below only passes on.
        if logging.Logger.callHandlers is keep_and_hand_on:
            logging.Logger.callHandlers = hand_on  # type: ignore[method-assign]
        if sys.stdout is printed:
            sys.stdout = stdout

    return take_out


def keep(report: Report, record: logging.LogRecord) -> None:
    """A record as a line of the log, with its traceback. Whatever is wrong with it is the handlers' to complain of."""
    if report.silent:
        return
    try:
        message = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            message += "\n" + FORMATTER.formatException(record.exc_info)
    except Exception as broken:
        message = f"{record.msg!r:.200} (cannot be shown: {type(broken).__name__})"
    report.log(record.levelname.lower(), record.name, message)
