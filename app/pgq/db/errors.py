"""Database errors in pgq's words, whichever driver or toolkit raised them."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from pgq.db.patience import NoAnswer
from pgq.values.errors import (
    AnswerLost,
    DatabaseUnavailable,
    DuplicateTask,
    IdempotencyConflict,
    InvalidTask,
    NotAllowed,
    PgqError,
    QueueFull,
    SchemaError,
    TaskNotFound,
    UnknownParent,
    WorkflowNotFound,
    WrongState,
)

NO_SCHEMA = frozenset({"42P01", "42883", "3F000"})
"""Undefined table, undefined function, invalid schema name."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server said."""

    sqlstate: str
    message: str
    detail: str | None
    constraint: str | None
    context: str | None


@contextmanager
def our_errors(positions: Sequence[int] = ()) -> Iterator[None]:
    """Raise pgq's errors for the database's; others pass as they are.

    `positions` are those of the tasks that one statement of a bulk submits: it knows its own ones only.
    """
    try:
        yield
    except Exception as error:
        known = translated(error, positions)
        if known is error:
            raise
        raise known from error


def translated(error: Exception, positions: Sequence[int] = ()) -> Exception:
    """The pgq error that stands for a database error; the error itself when pgq has no word for it."""
    if isinstance(error, PgqError):
        return error
    for cause in causes(error):
        facts = facts_of(cause)
        if facts is not None:
            return in_our_words(facts, positions) or error
        if isinstance(cause, NoAnswer):
            return lost(one_line(cause))
        if isinstance(cause, psycopg.OperationalError):  # no SQLSTATE: the connection failed, not the statement
            return DatabaseUnavailable(f"the database does not answer: {one_line(cause)}")
    return error


def lost(why: str) -> AnswerLost:
    """The connection broke under a statement."""
    return AnswerLost(
        f"the database's answer is lost ({why}): what was asked may have been done, or not. "
        "A submit with a key can be repeated: with the same key it makes no second task"
    )


def in_our_words(facts: Facts, positions: Sequence[int]) -> Exception | None:
    match facts.sqlstate:
        case "PQ001":
            return IdempotencyConflict(facts.message)
        case "PQ002":
            said = detail_of(facts)
            return QueueFull(facts.message, str(said.get("queue", "")), said.get("max_depth"))
        case "PQ003":
            return refused(facts, positions)
        case "PQ004":
            return UnknownParent(task_in(facts), position_in(facts, positions))
        case "PQ006":
            said = detail_of(facts)
            state, why = said.get("state", "in another state"), said.get("reason", facts.message)
            return WrongState(task_in(facts), state, why, said.get("what", "task"))
        case "PQ007":
            of_workflow = detail_of(facts).get("what") == "workflow"
            return WorkflowNotFound(task_in(facts)) if of_workflow else TaskNotFound(task_in(facts))
        case "23505" if facts.constraint in ("tasks_pkey", "dead_tasks_pkey"):
            return DuplicateTask(facts.message)
        case "42501":
            return NotAllowed(f"{facts.message}: ask for one of the roles pgq_submitter, pgq_worker, pgq_admin")
        case state if state in NO_SCHEMA:
            return SchemaError(f"the database has no pgq schema that fits ({facts.message}); run 'pgq migrate'")
        case "57P02":  # a crash, which may come after the COMMIT
            return lost(facts.message)
        case state if state.startswith(("08", "57P")) or state == "53300":
            return DatabaseUnavailable(f"the database does not answer: {facts.message}")
        case _:
            return None


def refused(facts: Facts, positions: Sequence[int]) -> InvalidTask:
    said = detail_of(facts)
    position = position_in(facts, positions)
    if "field" in said and "reason" in said:
        return InvalidTask(said["field"], said["reason"], position)
    return InvalidTask("task", facts.message, position)  # a guard of the user's own may use the same SQLSTATE


def copied_line(facts: Facts) -> int | None:
    """Which row of a COPY it was, from 0: the server names its line."""
    found = re.search(r"^COPY tasks, line (\d+)", facts.context or "", re.MULTILINE)
    return int(found[1]) - 1 if found else None


def position_in(facts: Facts, positions: Sequence[int]) -> int | None:
    """Which task of a bulk the server speaks of."""
    return position_among(positions, detail_of(facts).get("position", copied_line(facts)))


def position_among(positions: Sequence[int], place: object) -> int | None:
    """What a statement calls its task number `place` is one of these in the whole bulk."""
    return positions[place] if isinstance(place, int) and 0 <= place < len(positions) else None


def detail_of(facts: Facts) -> dict[str, Any]:
    """pgq's functions say what they refuse as a JSON object in DETAIL."""
    try:
        said = json.loads(facts.detail or "{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def task_in(facts: Facts) -> UUID:
    found = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", facts.message)
    return UUID(found[0]) if found else UUID(int=0)


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps: SQLAlchemy keeps the driver's error in `orig`, Django in `__cause__`."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        inner = getattr(current, "orig", None)
        current = inner if isinstance(inner, BaseException) else current.__cause__


def facts_of(error: BaseException) -> Facts | None:
    """From psycopg and psycopg2 (`diag`) and asyncpg (attributes of its own)."""
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    diag = getattr(error, "diag", None)
    if not isinstance(state, str):
        return None
    if diag is not None:
        context = getattr(diag, "context", None)
        return Facts(state, diag.message_primary or str(error), diag.message_detail, diag.constraint_name, context)
    if hasattr(error, "as_dict"):  # asyncpg's own; SQLAlchemy's wrapper of it has only the state, and it as __cause__
        known = (getattr(error, name, None) for name in ("detail", "constraint_name", "context"))
        return Facts(state, error.args[0], *known)
    return None
