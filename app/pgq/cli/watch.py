"""Follow a task until it has ended."""

import time
from collections.abc import Iterator
from typing import Any

from pgq.client.handle import Handle
from pgq.values.errors import DatabaseUnavailable
from pgq.values.task import TaskStatus

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5
TRIES = 4
"""How often in a row the database may fail to answer; each time the connection pool has tried for half a minute."""


def changes(handle: Handle[Any], timeout: float | None = None) -> Iterator[TaskStatus]:
    """The task as it is now, and again whenever it has changed, until it has ended.

    Raises TimeoutError after `timeout` seconds (None: never), TaskNotFound, and DatabaseUnavailable.
    """
    patience = None if timeout is None else time.monotonic() + timeout
    seen: object = None
    pause = FIRST_PAUSE
    while True:
        status = look(handle)
        if (now := what_counts(status)) != seen:
            seen, pause = now, FIRST_PAUSE
            yield status
        if status.ended:
            return
        if patience is not None and time.monotonic() >= patience:
            raise TimeoutError(f"task {status.id} is still {status.state} after {timeout:g} seconds")
        time.sleep(pause if patience is None else max(0.0, min(pause, patience - time.monotonic())))
        pause = min(pause * 1.5, LONGEST_PAUSE)


def look(handle: Handle[Any]) -> TaskStatus:
    """The task; a database that restarts meanwhile is waited for."""
    for tries_left in reversed(range(TRIES)):
        try:
            return handle.status()
        except DatabaseUnavailable:
            if not tries_left:
                raise
            time.sleep(LONGEST_PAUSE)
    raise AssertionError


def what_counts(status: TaskStatus) -> object:
    """Extending a lease is no change that anybody waits for."""
    return status.state, status.attempt, status.lease_epoch, status.cancel_requested_at, status.run_at, status.progress
