"""Compares how tasks ended with how they had to."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from pgq.db.sql import sql
from pgq.stress.plan import Ending

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Wrong:
    """A task that did not end as it should."""

    id: UUID
    expected: str
    found: str


@dataclass(slots=True)
class Verdict:
    """How many tasks ended in which state, and which of them should not have."""

    endings: Counter[str] = field(default_factory=Counter)
    wrong: list[Wrong] = field(default_factory=list)


def verify(connection: Connection[Any], expected: Mapping[UUID, Ending]) -> Verdict:
    """Look at every task, whatever table it is in."""
    verdict = Verdict()
    for ids in batches(expected):
        found: dict[UUID, list[dict[str, Any]]] = {task: [] for task in ids}
        with connection.cursor(row_factory=dict_row) as cursor:
            for row in cursor.execute(sql("stress/endings"), {"ids": ids}):
                found[row["id"]].append(row)
        for task, rows in found.items():
            verdict.endings.update(row["state"] for row in rows)
            if (words := difference(expected[task], rows)) is not None:
                verdict.wrong.append(Wrong(task, str(expected[task]), words))
    return verdict


def difference(expected: Ending, rows: list[dict[str, Any]]) -> str | None:
    """What was found instead of the expected ending; None when it is as expected."""
    if len(rows) != 1:
        return "lost" if not rows else f"there {len(rows)} times: {', '.join(row['state'] for row in rows)}"
    (row,) = rows
    error = row["error"] if row["state"] == "dead" else None
    later_than = expected.later_than
    found = Ending(row["state"], row["attempt"], row["failures"], row["result"], error, later_than)
    if found != expected:
        return str(found)
    if later_than is not None and row["run_at"] <= later_than:
        return "it was not put off"
    return None


def batches(ids: Iterable[UUID]) -> Iterator[list[UUID]]:
    """The ids, some at a time."""
    rest = iter(ids)
    while batch := list(islice(rest, BATCH)):
        yield batch
