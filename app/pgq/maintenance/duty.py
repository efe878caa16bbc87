"""What a duty is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import AsyncConnection

from pgq.db import duties as db


@dataclass(frozen=True, slots=True)
class Work:
    """What one turn sends: a statement and what it is given. `about` names the one row that it is for, if it is one."""

    statement: str
    parameters: Mapping[str, Any]
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One kind of maintenance work: a statement that runs once a period in the whole cluster.

    hold: seconds to wait before the first run after an outage, or None. candidates: the statement that lists what a
    batch would take, for a duty whose statement can be told to take `only` one task. routine: every run changes
    something, which is not worth a line in the log.

    Such a duty is its statement alone. One that has to compute something first does that in `work`, before it has the
    turn: its statement then makes sure that nothing has changed since.
    """

    name: str
    statement: str
    period: float
    hold: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    candidates: str | None = None
    routine: bool = False

    async def work(self, connection: AsyncConnection[Any]) -> Work:  # noqa: ARG002 (this one needs to ask nothing)
        """What to send for the next turn."""
        return Work(self.statement, self.parameters)

    async def pieces(
        self,
        connection: AsyncConnection[Any],
        work: Work,
        error: psycopg.Error,  # noqa: ARG002 (for these it does not matter why)
    ) -> Sequence[Work]:
        """The same in smaller pieces, because it failed as a whole; none when it is for one row, or cannot be cut."""
        if self.candidates is None or work.about:
            return []
        found = await db.candidates(connection, self.candidates, self.parameters)
        return [Work(self.statement, {**self.parameters, "only": task}, f"task {task}") for task in found]

    async def refused(self, connection: AsyncConnection[Any], work: Work, why: str) -> None:
        """The work for one row has failed."""
