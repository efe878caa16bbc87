"""Where to go on reading in each lane, so that a claim does not walk over what was claimed before.

An entry that was claimed stays in the index until it is vacuumed, and while an old snapshot is held none is. Cursors
step over them. They also hide what appears behind it: a late commit, a task dated by its submitter. So a
worker with free slots reads from where the cursor was some seconds ago, and every lane is swept from its start once per
poll interval, or as often as costs five percent of the time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pgq.values.lanes import PRIORITIES, START, Position, Reading
from pgq.values.task import Claimed

LAG = 3.0
"""Seconds that a submit may take from its INSERT to its COMMIT without having to wait for a sweep."""
SWEEP_SHARE = 0.05


@dataclass(slots=True)
class Lane:
    """One queue and priority: how far it was read, and when it was last read from its start (monotonic)."""

    position: Position = START
    lately: Position = START
    long_ago: Position = START
    noted_at: float = float("-inf")
    swept_at: float = float("-inf")

    def note(self, now: float) -> None:
        """Remember where the cursor stands, so that `long_ago` is from LAG to twice LAG behind."""
        if now - self.noted_at >= LAG:
            self.long_ago, self.lately, self.noted_at = self.lately, self.position, now

    def go_to(self, position: Position) -> None:
        """Read on from here; also backwards."""
        self.position = position
        self.lately = min(self.lately, position)
        self.long_ago = min(self.long_ago, position)


class Cursors:
    """The cursors of one connection's claims. A new connection starts with new ones."""

    def __init__(self, queues: Iterable[str], poll: float) -> None:
        self.lanes = {(queue, priority): Lane() for queue in queues for priority in PRIORITIES}
        self.poll = poll
        self.sweep_every = poll

    def reading(self, now: float, *, saturated: bool) -> Reading:
        """Where the next claim reads; at `now` (monotonic)."""
        swept = frozenset(key for key, lane in self.lanes.items() if now - lane.swept_at >= self.sweep_every)
        positions = []
        for key, lane in self.lanes.items():
            lane.note(now)
            positions.append(START if key in swept else lane.position if saturated else lane.long_ago)
        return Reading([queue for queue, _ in self.lanes], [priority for _, priority in self.lanes], positions, swept)

    def learn(
        self,
        reading: Reading,
        tasks: Sequence[Claimed],
        *,
        exhausted: Iterable[str],
        now: float,
        took: float,
        clock: datetime,
    ) -> None:
        """Move on after a claim of `tasks`, most urgent first and then by position, that took `took` seconds.

        `exhausted` are the queues that gave less than they were asked for: all their lanes were read to the end.
        `clock` is the database's time when the claim was sent.
        """
        if reading.swept:
            self.sweep_every = max(self.poll, took / SWEEP_SHARE)
        last: dict[tuple[str, int], Position] = {}
        lowest: dict[str, int] = {}
        for task in tasks:
            last[task.queue, task.priority] = task.run_at, task.id
            lowest[task.queue] = task.priority
        to_the_end = set(exhausted)
        read_until = clock - timedelta(seconds=LAG), UUID(int=0)
        for key, lane in self.lanes.items():
            queue, priority = key
            if key in last:
                lane.go_to(last[key])
            if queue in to_the_end:
                # Whatever is due in the lane and left is not for this worker.
                lane.position = max(lane.position, read_until)
            if key in reading.swept and (queue in to_the_end or priority >= lowest.get(queue, 10)):
                lane.swept_at = now
