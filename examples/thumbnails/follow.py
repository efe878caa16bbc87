"""Watching many tasks at once."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import pgq

LOOKS = 50
PAUSE_SECONDS = 0.1


def ended(handles: Iterable[pgq.Handle[Any]]) -> Iterator[pgq.TaskStatus]:
    """The tasks' last states, as they end, until all have.

    Looks at some of them in turn, then rests: however many there are, watching costs the database little.
    """
    waiting = deque(handles)
    while waiting:
        for _ in range(min(LOOKS, len(waiting))):
            handle = waiting.popleft()
            status = handle.status()
            if status.ended:
                yield status
            else:
                waiting.append(handle)
        if waiting:
            time.sleep(PAUSE_SECONDS)
