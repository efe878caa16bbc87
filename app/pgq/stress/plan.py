"""Which tasks a stress submits, and how each has to end. No I/O."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any

from pgq.client.submission import NewTask
from pgq.stress import handlers

AHEAD = 3_600.0
"""Seconds until a task would run that is cancelled before it does."""

MOST_FAILURES = 2


@dataclass(frozen=True, slots=True)
class Ending:
    """How a task ends. `later_than`: it was put off, so that its last run was due later than this."""

    state: str
    attempt: int
    failures: int = 0
    result: int | None = None
    error: str | None = None
    later_than: datetime | None = None

    def __str__(self) -> str:
        after = f" after {self.failures} failures" if self.failures else ""
        result = f" with result {self.result}" if self.result is not None else ""
        return f"{self.state} at attempt {self.attempt}{after}{result}" + (f" ({self.error})" if self.error else "")


@dataclass(frozen=True, slots=True)
class Planned:
    """A task to submit and its ending; `cancel` says that it is cancelled as soon as it is submitted."""

    task: NewTask[Any]
    ending: Ending
    cancel: bool = False


def shares(failure_rate: float) -> dict[str, float]:
    """Of all tasks, how many meet which fate: half of those that fail recover, the others end as dead letters."""
    smooth = 1 - failure_rate
    return {
        "recover": failure_rate / 2,
        "die": failure_rate / 4,
        "bury": failure_rate / 4,
        "snooze": smooth * 0.02,
        "cancel": smooth * 0.01,
        "cancel_before": smooth * 0.01,
        "hang": smooth * 0.001,
        "succeed_in_thread": smooth * 0.1,
        "succeed": smooth * 0.859,
    }


def plan(tasks: int, failure_rate: float, queue: str, now: datetime) -> Iterator[Planned]:
    """`tasks` tasks for `queue`, mixed; the same at every call. `now` is the database's time."""
    wanted = shares(failure_rate)
    fates, bounds = list(wanted), list(accumulate(wanted.values()))
    dice = random.Random(tasks)  # noqa: S311 (mixed, not secret)
    for number in range(tasks):
        (fate,) = dice.choices(fates, cum_weights=bounds)
        yield planned(fate, number, queue, now)


def planned(fate: str, number: int, queue: str, now: datetime) -> Planned:
    """The task that meets a fate."""
    match fate:
        case "recover":
            failures = 1 + number % MOST_FAILURES
            task = handlers.recover.options(queue=queue).new(number=number, failures=failures)
            return Planned(task, Ending("succeeded", failures + 1, failures, number))
        case "die":
            return Planned(
                handlers.die.options(queue=queue).new(number=number), Ending("dead", 2, 2, error="AskedToFail")
            )
        case "bury":
            return Planned(handlers.bury.options(queue=queue).new(number=number), Ending("dead", 1, 1, error="Bury"))
        case "snooze":
            task = handlers.snooze.options(queue=queue, run_at=now).new(number=number, first_run_at=now)
            return Planned(task, Ending("succeeded", 1, result=number, later_than=now))
        case "cancel":
            return Planned(handlers.cancel.options(queue=queue).new(number=number), Ending("cancelled", 1))
        case "cancel_before":
            task = handlers.succeed.options(queue=queue, delay=AHEAD).new(number=number)
            return Planned(task, Ending("cancelled", 0), cancel=True)
        case "hang":
            return Planned(handlers.hang.options(queue=queue).new(number=number), Ending("cancelled", 1))
        case "succeed_in_thread":
            task = handlers.succeed_in_thread.options(queue=queue).new(number=number)
            return Planned(task, Ending("succeeded", 1, result=number))
        case _:
            return Planned(
                handlers.succeed.options(queue=queue).new(number=number), Ending("succeeded", 1, result=number)
            )
