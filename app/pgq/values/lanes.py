"""Lanes: one per queue and priority, read in the order of (run_at, id)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

Position = tuple[datetime, UUID]
START: Position = (datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))
PRIORITIES = tuple(range(9, -1, -1))
"""Most urgent first."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Where one claim reads: lanes as queues, priorities and positions, and which of them are read from the start."""

    queues: Sequence[str]
    priorities: Sequence[int]
    positions: Sequence[Position]
    swept: frozenset[tuple[str, int]]


def from_the_start(queues: Iterable[str]) -> Reading:
    """Read all lanes of these queues from their start."""
    keys = [(queue, priority) for queue in queues for priority in PRIORITIES]
    return Reading(
        [queue for queue, _ in keys], [priority for _, priority in keys], [START] * len(keys), frozenset(keys)
    )
