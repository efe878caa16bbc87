"""The verbs by filter: in batches, each a transaction of its own; one row that refuses stops no other.

`note`, where it is given, is called inside each batch's transaction with the ids that were changed: for an audit log.
`within`: begin no batch after so many seconds; the report says that there are more.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from typing import Any, Protocol
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import scalar_row

from pgq.db import reads
from pgq.db.errors import our_errors, translated
from pgq.db.filters import LIVE, STATES, DeadLetterFilter, TaskFilter
from pgq.db.sql import sql
from pgq.values.errors import DatabaseUnavailable, PgqError, QueueFull, TaskNotFound, WrongState

BATCH = 500

CANCELLABLE = LIVE
RETRYABLE = tuple(state for state in STATES if state not in ("blocked", "running"))


@dataclass(frozen=True, slots=True)
class Skipped:
    """A task that refused, and why."""

    id: UUID
    code: str
    reason: str


@dataclass(slots=True)
class Report:
    """What a verb by filter did. `more`: it stopped at its limit or its time, and tasks are left that match."""

    matched: int
    changed: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    more: bool = False

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        skipped = [{"id": str(one.id), "code": one.code, "reason": one.reason} for one in self.skipped]
        return {"matched": self.matched, "changed": self.changed, "skipped": skipped, "more": self.more}


class Walk(Protocol):
    """The ids to work on, lowest first."""

    def __call__(self, *, after: UUID | None, limit: int) -> list[UUID]: ...


Verb = Callable[[Connection[Any], Sequence[UUID]], Iterator[Skipped]]
"""Works on tasks in their order and yields those that refused."""

Note = Callable[[Connection[Any], Sequence[UUID]], None]
"""Writes down what a batch has changed."""


def no_note(_connection: Connection[Any], _ids: Sequence[UUID]) -> None:
    """Nobody keeps an audit log."""


def cancel_matching(
    connection: Connection[Any],
    which: TaskFilter,
    *,
    limit: int | None = None,
    dry_run: bool = False,
    within: float = inf,
    note: Note = no_note,
) -> Report:
    """Cancel the live tasks that match, at most `limit`; running ones are told. A dry run only counts."""
    return each_task(connection, which.within(CANCELLABLE), many("cancel_many"), limit, dry_run, within, note)


def retry_matching(
    connection: Connection[Any],
    which: TaskFilter,
    *,
    limit: int | None = None,
    dry_run: bool = False,
    within: float = inf,
    note: Note = no_note,
) -> Report:
    """Run the tasks that match again, at most `limit`, all but those that run now. A dry run only counts."""
    return each_task(connection, which.within(RETRYABLE), many("retry_many"), limit, dry_run, within, note)


def redrive_matching(
    connection: Connection[Any],
    which: DeadLetterFilter,
    *,
    limit: int | None = None,
    dry_run: bool = False,
    within: float = inf,
    note: Note = no_note,
) -> Report:
    """Bring the dead letters that match back, at most `limit`. A dry run only counts."""
    return each_dead_letter(connection, which, many("redrive_many"), limit, dry_run, within, note)


def purge_matching(
    connection: Connection[Any],
    which: DeadLetterFilter,
    *,
    limit: int | None = None,
    dry_run: bool = False,
    within: float = inf,
    note: Note = no_note,
) -> Report:
    """Forget the dead letters that match for good, at most `limit`. A dry run only counts."""
    return each_dead_letter(connection, which, purge_many, limit, dry_run, within, note)


def each_task(
    connection: Connection[Any],
    which: TaskFilter,
    verb: Verb,
    limit: int | None,
    dry_run: bool,
    within: float,
    note: Note,
) -> Report:
    # A retry makes new tasks, which must not be walked in their turn.
    which = replace(which, created_before=which.created_before or server_time(connection))
    with our_errors():
        matched = reads.count_tasks(connection, which)

    def walk(*, after: UUID | None, limit: int) -> list[UUID]:
        return reads.task_ids(connection, which, after=after, limit=limit)

    return carry_out(connection, walk, verb, matched, limit, dry_run, within, note)


def each_dead_letter(
    connection: Connection[Any],
    which: DeadLetterFilter,
    verb: Verb,
    limit: int | None,
    dry_run: bool,
    within: float,
    note: Note,
) -> Report:
    with our_errors():
        matched = reads.count_dead_letters(connection, which)

    def walk(*, after: UUID | None, limit: int) -> list[UUID]:
        return reads.dead_letter_ids(connection, which, after=after, limit=limit)

    return carry_out(connection, walk, verb, matched, limit, dry_run, within, note)


def carry_out(
    connection: Connection[Any],
    walk: Walk,
    verb: Verb,
    matched: int,
    limit: int | None,
    dry_run: bool,
    within: float = inf,
    note: Note = no_note,
) -> Report:
    """Walk over the ids, each once: what a verb leaves matching is not met again."""
    report = Report(matched, more=limit is not None and matched > limit)
    left = matched if limit is None else min(limit, matched)
    last: UUID | None = None
    until = time.monotonic() + within
    while left > 0 and not dry_run:
        if time.monotonic() > until:
            report.more = True
            break
        with our_errors(), connection.transaction():
            batch = walk(after=last, limit=min(BATCH, left))
            refused = list(verb(connection, batch))
            skipped = {one.id for one in refused}
            if changed := [one for one in batch if one not in skipped]:
                note(connection, changed)
        if not batch:
            break
        report.skipped += refused
        report.changed += len(batch) - len(refused)
        left, last = left - len(batch), batch[-1]
    return report


def many(statement: str) -> Verb:
    """The verb that a statement does to many ids."""

    def verb(connection: Connection[Any], ids: Sequence[UUID]) -> Iterator[Skipped]:
        try:
            with connection.transaction():
                connection.execute(sql(statement), {"ids": list(ids)})
        except psycopg.Error as error:
            known = translated(error)
            if isinstance(known, DatabaseUnavailable):
                raise
            if len(ids) == 1:
                yield Skipped(ids[0], code_of(known), str(known))
                return
            middle = len(ids) // 2
            yield from verb(connection, ids[:middle])
            yield from verb(connection, ids[middle:])

    return verb


def purge_many(connection: Connection[Any], ids: Sequence[UUID]) -> Iterator[Skipped]:
    """Purge: what is gone already, or locked by another session, is skipped."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        gone = set(cursor.execute(sql("purge"), {"ids": list(ids)}).fetchall())
    for task_id in ids:
        if task_id not in gone:
            yield Skipped(task_id, "wrong_state", "it is no dead letter any more, or another session is at it")


def code_of(error: Exception) -> str:
    match error:
        case WrongState():
            return "wrong_state"
        case QueueFull():
            return "queue_full"
        case TaskNotFound():
            return "not_found"
        case PgqError():
            return "invalid"
        case _:
            return "failed"


def server_time(connection: Connection[Any]) -> datetime:
    with our_errors(), connection.cursor(row_factory=scalar_row) as cursor:
        now: datetime | None = cursor.execute(sql("server_time")).fetchone()
    assert now is not None
    return now
