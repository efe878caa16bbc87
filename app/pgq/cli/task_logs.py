"""`pgq tasks logs`."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from pgq.cli.options import TaskId
from pgq.cli.output import clean, show, show_json, show_json_line
from pgq.cli.session import Session
from pgq.values.task import json_value

if TYPE_CHECKING:
    from psycopg import Connection

    from pgq.db.task_logs import LogEntry

PAGE = 500
PAUSE = 0.5
"""Seconds between two looks at the log of a task that runs: its worker writes about once a second."""


def logs(
    session: Session,
    task_id: TaskId,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print what comes until the task has ended; --json: a line each.")
    ] = False,
) -> None:
    """Show what a task's handler has logged and printed, attempt by attempt."""
    with session.connect() as connection:
        lines = followed(session, connection, task_id) if follow else so_far(session, connection, task_id)
        if session.json and not follow:
            show_json([line.to_json() for line in lines])
            return
        for line in lines:
            if session.json:
                show_json_line(line.to_json())
            else:
                show(in_words(line))


def so_far(session: Session, connection: "Connection[Any]", task_id: UUID) -> "Iterator[LogEntry]":
    """What there is now. Raises TaskNotFound when there is neither a log nor a task: one may outlive the other."""
    from pgq.db.task_logs import BEGINNING, task_logs

    place = BEGINNING
    while page := task_logs(connection, task_id, place, PAGE):
        yield from page
        place = page[-1].place
    if place == BEGINNING:
        session.look(connection, task_id)


def followed(session: Session, connection: "Connection[Any]", task_id: UUID) -> "Iterator[LogEntry]":
    """What there is and what comes, until the task has ended. Raises TaskNotFound."""
    from pgq.db.task_logs import BEGINNING, task_logs

    place = BEGINNING
    while True:
        ended = session.look(connection, task_id).ended  # asked first: a log is complete before its task ends
        while page := task_logs(connection, task_id, place, PAGE):
            yield from page
            place = page[-1].place
        if ended:
            return
        time.sleep(PAUSE)


def in_words(line: "LogEntry") -> str:
    """A line for people; those of a message behind its first are indented."""
    head = f"{json_value(line.logged_at)[:23]}Z #{line.attempt} {line.level.upper():<7} {line.logger}: "
    return head + clean(line.message).replace("\n", "\n    ")
