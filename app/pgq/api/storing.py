"""Batches: stored all or none; known to be stored, or not, also when the answer to their COMMIT was lost."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import scalar_row

from pgq.api.problems import Problem
from pgq.client.links import PsycopgLink
from pgq.client.options import without_parents
from pgq.client.run import run
from pgq.client.steps import Plan
from pgq.client.submission import NewTask
from pgq.client.submit import Submitted, submit_many
from pgq.db.errors import our_errors
from pgq.db.pool import Pools
from pgq.db.sql import sql
from pgq.values.errors import DatabaseUnavailable, InvalidTask

SETTLE_SECONDS = 5.0
"""How long to find out what became of a COMMIT that got no answer."""


def store(pools: Pools, tasks: Sequence[NewTask[Any]]) -> list[Submitted]:
    """Store tasks, all or none; returns after the commit.

    Raises InvalidTask and UnknownParent with the task's position, IdempotencyConflict, QueueFull, DatabaseUnavailable,
    and the problem `commit_unknown`.
    """
    try:
        return carried_out(pools, submit_many(tasks))
    except InvalidTask as error:
        raise InvalidTask(error.field, error.reason, culprit(pools, tasks)) from None


def carried_out(pools: Pools, plan: Plan[list[Submitted]]) -> list[Submitted]:
    """Carry out a plan that submits tasks, all or none; returns after the commit.

    Raises what the plan raises, DatabaseUnavailable, and the problem `commit_unknown`.
    """
    answers: list[Submitted] | None = None
    pid, began = 0, time.monotonic()
    try:
        with our_errors(), pools.connection() as connection, connection.transaction():
            pid = backend_pid(connection)
            stored = run(plan, PsycopgLink(connection))
            answers = stored  # the COMMIT is next: from here on a lost connection leaves us in doubt
    except DatabaseUnavailable:
        if answers is None:
            raise
        return settle(pools, answers, pid, began)
    return answers


def settle(pools: Pools, answers: list[Submitted], pid: int, began: float) -> list[Submitted]:
    """One transaction stored all or none: is one there? None is, once the server process has gone without it."""
    new = [answer.id for answer in answers if answer.created]
    until = time.monotonic() + SETTLE_SECONDS
    while new and time.monotonic() < until:
        try:
            with our_errors(), pools.connection() as connection:
                gone = not is_there(connection, "is_connected", {"pid": pid, "seconds": time.monotonic() - began})
                if is_there(connection, "any_task", {"ids": new}):
                    return answers
        except DatabaseUnavailable:
            gone = False
        if gone:
            raise DatabaseUnavailable("the connection was lost; nothing was stored")
        time.sleep(0.1)
    if not new:  # only known keys: nothing was to be stored
        return answers
    raise unknown(new[0])


def unknown(first: UUID) -> Problem:
    remedy = f"if there is a task {first} (GET /v1/tasks/{first}), all are stored; if not, repeat the request"
    return Problem("commit_unknown", f"the database was lost during the commit; {remedy}")


def culprit(pools: Pools, tasks: Sequence[NewTask[Any]]) -> int | None:
    """The place of the first task that the database refuses, by halving; nothing is stored."""
    begin, end = 0, len(tasks)
    try:
        with pools.connection() as connection:
            while end - begin > 1:
                middle = (begin + end) // 2
                begin, end = (begin, middle) if refuses(connection, tasks[begin:middle]) else (middle, end)
    except psycopg.Error:
        return None
    return begin


def refuses(connection: Connection[Any], tasks: Sequence[NewTask[Any]]) -> bool:
    try:
        with connection.transaction(force_rollback=True):
            run(submit_many([childless(task) for task in tasks]), PsycopgLink(connection))
    except InvalidTask:
        return True
    return False


def childless(task: NewTask[Any]) -> NewTask[Any]:
    """The task without its parents, which may be missing: that would be another error."""
    return replace(task, fields=without_parents(task.fields)) if task.parents else task


def backend_pid(connection: Connection[Any]) -> int:
    """The server process of this transaction, behind a pooler, too."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        pid: int = cursor.execute(sql("backend_pid")).fetchone() or 0
    return pid


def is_there(connection: Connection[Any], statement: str, given: dict[str, Any]) -> bool:
    with connection.cursor(row_factory=scalar_row) as cursor:
        return bool(cursor.execute(sql(statement), given).fetchone())
