"""Lists of tasks by optional filters, newest first: built by SQLAlchemy Core, run by psycopg.

The view pgq.task_status cannot be paged: nothing of ORDER BY … LIMIT reaches the tables below it. So each table gives
its own newest ids by its primary key, and the view shows those of them that make the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import tuple_row
from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    FromClause,
    Select,
    Text,
    Uuid,
    any_,
    column,
    func,
    literal,
    or_,
    select,
    table,
    true,
    tuple_,
    union_all,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from pgq.db.filters import HISTORY, LIVE, DeadLetterFilter, TaskFilter
from pgq.db.tables import MOMENT, dead_tasks, task_history, tasks
from pgq.values.patterns import as_like
from pgq.values.task import COLUMNS, JSON_COLUMNS, TaskStatus

ID = column("id", Uuid)
DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]

shown = table("task_status", *(column(name) for name in COLUMNS), schema="pgq")


@dataclass(frozen=True, slots=True)
class DeadAt:
    """A place in the list of dead letters: behind this one."""

    finished_at: datetime
    id: UUID


def list_tasks(connection: Connection[Any], which: TaskFilter, *, before: UUID | None, limit: int) -> list[TaskStatus]:
    """The newest tasks (the highest ids, at most `limit`) with an id below `before`."""
    found = [select(source.c.id).where(matching) for source, matching in sources(which)]
    if before is not None:
        found = [one.where(one.selected_columns.id < before) for one in found]
    newest = [one.order_by(one.selected_columns.id.desc()).limit(limit) for one in found]
    page = select(ID).select_from(union_all(*newest).subquery()).order_by(ID.desc()).limit(limit)
    return tasks_with(connection, page, shown.c.id.desc())


def list_dead_letters(
    connection: Connection[Any], which: DeadLetterFilter, *, before: DeadAt | None, limit: int
) -> list[TaskStatus]:
    """The dead letters that were buried last (at most `limit`), from behind `before` on."""
    page = select(dead_tasks.c.id).where(dead_matching(which))
    place = tuple_(dead_tasks.c.finished_at, dead_tasks.c.id)
    if before is not None:
        page = page.where(place < tuple_(literal(before.finished_at, MOMENT), literal(before.id, Uuid)))
    page = page.order_by(dead_tasks.c.finished_at.desc(), dead_tasks.c.id.desc()).limit(limit)
    return tasks_with(connection, page, shown.c.finished_at.desc(), shown.c.id.desc())


def task_ids(connection: Connection[Any], which: TaskFilter, *, after: UUID | None, limit: int) -> list[UUID]:
    """The lowest ids above `after`, in order, at most `limit`: how a bulk verb walks."""
    return ids(connection, [select(source.c.id).where(matching) for source, matching in sources(which)], after, limit)


def dead_letter_ids(
    connection: Connection[Any], which: DeadLetterFilter, *, after: UUID | None, limit: int
) -> list[UUID]:
    """The lowest ids of dead letters above `after`, in order, at most `limit`."""
    return ids(connection, [select(dead_tasks.c.id).where(dead_matching(which))], after, limit)


def count_tasks(connection: Connection[Any], which: TaskFilter) -> int:
    """How many tasks match."""
    found = [select(func.count().label("n")).select_from(source).where(matching) for source, matching in sources(which)]
    ((count,),) = rows(connection, select(func.sum(column("n"))).select_from(union_all(*found).subquery()))
    return int(count)


def count_dead_letters(connection: Connection[Any], which: DeadLetterFilter) -> int:
    """How many dead letters match."""
    ((count,),) = rows(connection, select(func.count()).select_from(dead_tasks).where(dead_matching(which)))
    return int(count)


def sources(which: TaskFilter) -> list[tuple[FromClause, ColumnElement[bool]]]:
    """The tables that may hold such tasks, each with its condition."""
    found: list[tuple[FromClause, ColumnElement[bool]]] = []
    every = not which.states
    if every or which.states.intersection(LIVE):
        found.append(
            (tasks, matching(tasks, which) & (true() if every else live_states(which.states.intersection(LIVE))))
        )
    if every or which.states.intersection(HISTORY):
        states = true() if every else one_of(task_history.c.state, sorted(which.states.intersection(HISTORY)))
        found.append((task_history, matching(task_history, which) & states))
    if every or "dead" in which.states:
        found.append((dead_tasks, matching(dead_tasks, which)))
    return found


def matching(source: FromClause, which: TaskFilter) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = true()
    if which.queues:
        condition &= one_of(source.c.queue, which.queues)
    if which.kinds:
        condition &= one_of(source.c.kind, which.kinds)
    if which.tags:
        condition &= source.c.tags.contains(literal(list(which.tags), ARRAY(Text)))
    if which.workflow_id is not None:
        condition &= source.c.workflow_id == literal(which.workflow_id, Uuid)
    if which.created_after is not None:
        condition &= source.c.created_at > literal(which.created_after, MOMENT)
    if which.created_before is not None:
        condition &= source.c.created_at < literal(which.created_before, MOMENT)
    if which.visible:
        condition &= fits(source.c.queue, which.visible)
    return condition


def live_states(states: frozenset[str]) -> ColumnElement[bool]:
    """A shown state as a condition on the stored one."""
    pending, ahead = tasks.c.state == "pending", tasks.c.run_at > func.statement_timestamp()
    meaning = {
        "blocked": tasks.c.state == "blocked",
        "running": tasks.c.state == "running",
        "pending": pending,
        "scheduled": pending & ahead & (tasks.c.attempt == 0),
        "retrying": pending & ahead & (tasks.c.attempt > 0),
    }
    return or_(*(meaning[state] for state in sorted(states)))


def dead_matching(which: DeadLetterFilter) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = true()
    if which.queues:
        condition &= one_of(dead_tasks.c.queue, which.queues)
    if which.kinds:
        condition &= one_of(dead_tasks.c.kind, which.kinds)
    if which.error_types:
        condition &= one_of(dead_tasks.c.error["type"].astext, which.error_types)
    if which.dead_after is not None:
        condition &= dead_tasks.c.finished_at > literal(which.dead_after, MOMENT)
    if which.dead_before is not None:
        condition &= dead_tasks.c.finished_at < literal(which.dead_before, MOMENT)
    if which.visible:
        condition &= fits(dead_tasks.c.queue, which.visible)
    return condition


def one_of(value: ColumnElement[Any], choices: Sequence[str]) -> ColumnElement[bool]:
    return value == any_(literal(list(choices), ARRAY(Text)))


def fits(name: ColumnElement[Any], patterns: Sequence[str]) -> ColumnElement[bool]:
    return name.like(any_(literal([as_like(pattern) for pattern in patterns], ARRAY(Text))))


def tasks_with(connection: Connection[Any], page: Select[Any], *order: ColumnElement[Any]) -> list[TaskStatus]:
    """The tasks whose ids `page` selects. ARRAY(…) is evaluated first, so that the view finds them by primary key."""
    columns = [sql_cast(one, Text) if one.name in JSON_COLUMNS else one for one in shown.c]
    wanted: ColumnElement[bool] = shown.c.id == any_(func.array(page.scalar_subquery()))
    return [
        TaskStatus.of_row(dict(zip(COLUMNS, row, strict=True)))
        for row in rows(connection, select(*columns).where(wanted).order_by(*order))
    ]


def ids(connection: Connection[Any], found: list[Select[tuple[UUID]]], after: UUID | None, limit: int) -> list[UUID]:
    if after is not None:
        found = [one.where(one.selected_columns.id > after) for one in found]
    lowest = [one.order_by(one.selected_columns.id).limit(limit) for one in found]
    walk: Select[Any] = (
        select(column("id")).distinct().select_from(union_all(*lowest).subquery()).order_by(column("id")).limit(limit)
    )
    return [row[0] for row in rows(connection, walk)]


def rows(connection: Connection[Any], statement: ClauseElement) -> list[tuple[Any, ...]]:
    """Run a statement of SQLAlchemy's over a psycopg connection."""
    compiled = statement.compile(dialect=DIALECT)
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(str(compiled).encode(), compiled.params).fetchall()
