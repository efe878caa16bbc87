"""What an operation asks of the outside, one step at a time.

An operation is written once, as a generator without I/O: it yields steps and is sent back rows. `run` and `run_async`
carry the steps out, each over any connection.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Statement:
    """Run the statement in `db/sql/{name}.sql`; the plan is sent its rows.

    `positions` are those of the tasks that it submits in a bulk, for an error to name one.
    """

    name: str
    params: Mapping[str, Any]
    positions: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """Stream lines of COPY's text into the COPY statement in `db/sql/{name}.sql`."""

    name: str
    lines: Iterable[str]
    positions: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class MayCopy:
    """Can rows be streamed here? The plan is sent True or False."""


Step = Statement | Copy | MayCopy | Pause
Rows = list[tuple[Any, ...]]
Plan = Generator[Step, Any, R]
