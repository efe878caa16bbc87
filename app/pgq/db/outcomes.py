"""Write down what became of attempts, many at once; every statement shows the fence."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from pgq.db.arrays import bigint_array, text_array, uuid_array
from pgq.db.sql import sql
from pgq.values.duration import LONGEST
from pgq.values.outcome import BuryNow, CancelNow, Complete, ErrorInfo, Outcome, RetryLater, SnoozeFor
from pgq.values.task import Lease


@dataclass(frozen=True, slots=True)
class HandBack:
    """The attempt was interrupted through no fault of its own; the task is due at once and loses no attempt."""


class Finished(NamedTuple):
    """An attempt and what became of it."""

    lease: Lease
    outcome: Outcome | HandBack


async def record(connection: AsyncConnection[Any], worker: UUID, finished: Sequence[Finished]) -> set[UUID]:
    """Write a worker's outcomes; answers the ids of those that the fence let through."""
    return await record_all(connection, [(worker, one) for one in finished])


async def record_all(connection: AsyncConnection[Any], finished: Sequence[tuple[UUID, Finished]]) -> set[UUID]:
    """Write outcomes of several workers, each task's once; answers the ids of those that the fence let through.

    One statement a message, each a transaction of its own: a client that freezes leaves no row locked, so that the
    reaper can take what it holds.
    """
    ended = [one for one in finished if isinstance(one[1].outcome, Complete | CancelNow)]
    buried = [one for one in finished if isinstance(one[1].outcome, BuryNow)]
    back = [one for one in finished if isinstance(one[1].outcome, RetryLater | SnoozeFor | HandBack)]
    through: set[UUID] = set()
    for name, some, columns in (
        ("finish", ended, end_columns),
        ("bury", buried, bury_columns),
        ("put_back", back, back_columns),
    ):
        if some:
            outcomes = [one for _, one in some]
            fence = {
                "workers": uuid_array(worker for worker, _ in some),
                "ids": uuid_array(one.lease.id for one in outcomes),
                "epochs": bigint_array(one.lease.lease_epoch for one in outcomes),
            }
            cursor = await connection.execute(sql(name), {**fence, **columns(outcomes)}, binary=True)
            through.update(row[0] for row in await cursor.fetchall())
    return through


async def settled(connection: AsyncConnection[Any], leases: Sequence[Lease]) -> set[UUID]:
    """The ids of those attempts that have ended by their own worker's word (a COMMIT that got no answer)."""
    cursor = await connection.execute(
        sql("settled"),
        {
            "ids": uuid_array(lease.id for lease in leases),
            "epochs": bigint_array(lease.lease_epoch for lease in leases),
        },
        binary=True,
    )
    return {row[0] for row in await cursor.fetchall()}


def end_columns(finished: Iterable[Finished]) -> dict[str, Any]:
    """State, result and error of the attempts that end their task."""
    states: list[str] = []
    results: list[str | None] = []
    errors: list[str | None] = []
    for one in finished:
        match one.outcome:
            case Complete(result):
                states.append("succeeded")
                results.append(result)
                errors.append(None)
            case CancelNow(reason):
                states.append("cancelled")
                results.append(None)
                errors.append(error_text(ErrorInfo("Cancelled", reason, "")) if reason else None)
    return {"states": text_array(states), "results": text_array(results), "errors": text_array(errors)}


def bury_columns(finished: Iterable[Finished]) -> dict[str, Any]:
    """The errors of the attempts that bury their task."""
    return {"errors": text_array(error_text(one.outcome.error) for one in finished if isinstance(one.outcome, BuryNow))}


def back_columns(finished: Iterable[Finished]) -> dict[str, Any]:
    """When tasks that are put back are due again, and why they are."""
    delays: list[float] = []
    errors: list[str | None] = []
    for one in finished:
        match one.outcome:
            case RetryLater(delay, error):
                delays.append(min(max(float(delay), 0.0), LONGEST))  # a handler's own backoff may know no bounds
                errors.append(error_text(error))
            case SnoozeFor(delay):
                delays.append(float(delay))
                errors.append(None)
            case HandBack():
                delays.append(0.0)
                errors.append(None)
    return {"delays": delays, "errors": text_array(errors)}


def error_text(error: ErrorInfo) -> str:
    """The error as the JSON that is kept; when and in which attempt is added by the database."""
    return json.dumps(asdict(error), ensure_ascii=False)
