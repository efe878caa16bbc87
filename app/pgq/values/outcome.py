"""What becomes of an attempt."""

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from pgq.values import raised
from pgq.values.backoff import Backoff, exponential
from pgq.values.duration import seconds
from pgq.values.json_text import Unstorable, to_text
from pgq.values.task import Claimed

LONGEST_MESSAGE = 10_000
LONGEST_TRACEBACK = 50_000
DEFAULT_BACKOFF = exponential()
OWN_FRAMES = f'  File "{Path(__file__).parents[1] / "worker"}'


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """Why an attempt failed, bounded in size and free of what PostgreSQL cannot keep."""

    type: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Complete:
    """The attempt succeeded; the result as JSON text."""

    result: str


@dataclass(frozen=True, slots=True)
class RetryLater:
    """The attempt failed and another one follows after `delay` seconds."""

    delay: float
    error: ErrorInfo


@dataclass(frozen=True, slots=True)
class BuryNow:
    """The task goes to the dead letters."""

    error: ErrorInfo


@dataclass(frozen=True, slots=True)
class SnoozeFor:
    """The task runs again after `delay` seconds; the attempt does not count."""

    delay: float


@dataclass(frozen=True, slots=True)
class CancelNow:
    """The task ends as cancelled."""

    reason: str


Outcome = Complete | RetryLater | BuryNow | SnoozeFor | CancelNow


class TimedOut(Exception):
    """The attempt ran longer than its timeout."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a handler's declaration says of its failures."""

    backoff: Backoff
    bury_on: tuple[type[BaseException], ...] = ()


def decide(error: BaseException | None, result: object, task: Claimed, policy: Policy) -> Outcome:
    """What becomes of an attempt. Pure, so that every rule is a one-line test."""
    match error:
        case None:
            return complete(result)
        case raised.Snooze(delay=delay):
            return SnoozeFor(delay)
        case raised.Cancel(reason=reason):
            return CancelNow(clean(str(reason), LONGEST_MESSAGE))
        case raised.Bury():
            return BuryNow(describe(error))
        case BaseException() if isinstance(error, policy.bury_on):
            return BuryNow(describe(error))
        case BaseException() if task.attempt >= task.max_attempts:
            return BuryNow(describe(error))
        case raised.Retry(after=after) if after is not None:
            return RetryLater(after, describe(error))
        case BaseException():
            return RetryLater(wait_before_next(task, policy), describe(error))
        case _:
            assert_never(error)


def wait_before_next(task: Claimed, policy: Policy) -> float:
    """What the handler's backoff says; the default's word when a backoff of the user's own raises or talks nonsense."""
    try:
        return seconds(policy.backoff(task.attempt), "retry")
    except Exception:
        return DEFAULT_BACKOFF(task.attempt)


def complete(result: object) -> Outcome:
    """A result that cannot be kept buries the task: running it again would repeat its effects and end the same."""
    try:
        return Complete(to_text(result, "the result"))
    except Unstorable as error:
        return BuryNow(ErrorInfo("UnstorableResult", clean(str(error), LONGEST_MESSAGE), ""))


def describe(error: BaseException) -> ErrorInfo:
    """The error as it is kept with the task. A broken __str__ or a huge message does no harm."""
    try:
        message = str(error.reason if isinstance(error, raised.Raised) else error)
    except BaseException as broken:
        message = f"(its message cannot be shown: {type(broken).__name__})"
    # Frames only, and the handler's only: format_exception would repeat the message, however long.
    frames = "".join(
        frame
        for frame in traceback.format_tb(error.__traceback__)
        if not frame.startswith(OWN_FRAMES) and "/concurrent/futures/thread.py" not in frame.partition("\n")[0]
    )
    return ErrorInfo(
        clean(type(error).__name__, 200), clean(message, LONGEST_MESSAGE), clean(frames, LONGEST_TRACEBACK, keep="end")
    )


def clean(text: str, longest: int, keep: str = "start") -> str:
    """The text without NUL and lone surrogates, cut to `longest` characters."""
    if len(text) > longest:
        left_out = f"… ({len(text):,} characters in all)"
        text = text[:longest] + left_out if keep == "start" else left_out + "\n" + text[-longest:]
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
