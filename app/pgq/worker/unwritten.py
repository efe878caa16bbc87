"""What attempts have said and nobody has written down yet. Bounded: it does no harm when the database is away."""

import threading
from collections import Counter, deque
from dataclasses import dataclass, field, replace

from pgq.values.report import OURS, LogLine, Said
from pgq.values.task import Lease

MOST_LINES = 50_000
MOST_CHARACTERS = 20_000_000
"""More is not kept in memory: the oldest lines go, and a note says how many."""

LOST = "… {count:,} lines were lost: the database did not take them in time"

BATCH_LINES = 1_000
BATCH_CHARACTERS = 2_000_000


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be written at once."""

    lines: list[LogLine] = field(default_factory=list)
    progress: dict[Lease, Said] = field(default_factory=dict)
    of: frozenset[Lease] = frozenset()
    """Whose it is."""

    def __bool__(self) -> bool:
        return bool(self.lines or self.progress)


NOTHING = Batch()


class Unwritten:
    """A queue of lines, and the newest progress of each attempt; used from any thread, and waits for nothing.

    The lock is one that its own thread may take again: a finalizer may log at any moment.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.lines: deque[LogLine] = deque()
        self.characters = 0
        self.by_attempt: Counter[Lease] = Counter()
        self.newest: dict[Lease, Said] = {}
        self.lost: dict[Lease, tuple[int, LogLine]] = {}

    def __bool__(self) -> bool:
        return bool(self.lines or self.newest or self.lost)

    def __contains__(self, lease: Lease) -> bool:
        return lease in self.by_attempt or lease in self.newest or lease in self.lost

    def line(self, line: LogLine) -> None:
        """A line more; the oldest go when there are too many."""
        with self.lock:
            self.lines.append(line)
            self.characters += len(line.message)
            self.by_attempt[line.lease] += 1
            while len(self.lines) > MOST_LINES or self.characters > MOST_CHARACTERS:
                oldest = self.pop()
                count, _ = self.lost.get(oldest.lease, (0, oldest))
                self.lost[oldest.lease] = (count + 1, oldest)

    def progress(self, lease: Lease, said: Said) -> None:
        """The newest progress of an attempt; the one before is forgotten."""
        with self.lock:
            self.newest[lease] = said

    def again(self, lease: Lease, said: Said) -> None:
        """A progress that could not be written now; a newer one wins."""
        with self.lock:
            self.newest.setdefault(lease, said)

    def pop(self) -> LogLine:
        """The oldest line."""
        line = self.lines.popleft()
        self.characters -= len(line.message)
        self.by_attempt[line.lease] -= 1
        if not self.by_attempt[line.lease]:
            del self.by_attempt[line.lease]
        return line

    def take(self) -> Batch:
        """Some of it, the oldest first, as much as makes a good statement."""
        with self.lock:
            lines = [note(count, last) for count, last in self.lost.values()]
            progress, self.newest, self.lost = self.newest, {}, {}
            size = 0
            while self.lines and len(lines) < BATCH_LINES and size < BATCH_CHARACTERS:
                lines.append(line := self.pop())
                size += len(line.message)
            return Batch(lines, progress, frozenset(line.lease for line in lines).union(progress))


def note(count: int, last: LogLine) -> LogLine:
    """What stands in the place of the last of the lines that were lost."""
    return replace(last, level="warning", logger=OURS, message=LOST.format(count=count))
