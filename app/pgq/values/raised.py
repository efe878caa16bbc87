"""What a handler raises to say what becomes of its attempt.

They derive from BaseException so that a handler's own `except Exception` does not swallow them.
"""

from datetime import timedelta

from pgq.values.duration import seconds


class Raised(BaseException):
    """The root of the outcomes that a handler raises."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = str(reason)  # an exception is a likely reason, too


class Retry(Raised):
    """Try again: after `after` (seconds or timedelta), or after the handler's own backoff. Uses up the attempt."""

    def __init__(self, after: float | timedelta | None = None, reason: str = "") -> None:
        super().__init__(reason)
        self.after = None if after is None else seconds(after, "after")


class Snooze(Raised):
    """Run again after `delay` (seconds or timedelta). Uses no attempt."""

    def __init__(self, delay: float | timedelta, reason: str = "") -> None:
        super().__init__(reason)
        self.delay = seconds(delay, "delay")


class Cancel(Raised):
    """End the task as cancelled."""


class Bury(Raised):
    """Move the task to the dead letters now, whatever attempts are left."""
