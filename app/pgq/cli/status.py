"""`pgq status`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from pgq.cli.command import command
from pgq.cli.describe import in_a_line, show_summary
from pgq.cli.failures import FAILED
from pgq.cli.options import TaskId
from pgq.cli.output import cell, show, show_json, show_json_line
from pgq.cli.session import Session
from pgq.cli.watch import changes
from pgq.client.handle import Handle


def add_to(app: typer.Typer) -> None:
    command(app, "status")(status)


def status(
    session: Session,
    task_id: TaskId,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Print every change until it has ended; exit 1 unless it succeeded.")
    ] = False,
) -> int | None:
    """Show how a task is doing."""
    with session.app() as app:
        handle = app.handle(task_id)
        if watch:
            return follow(session, handle)
        task = session.shown(handle.status())
        if session.json:
            show_json(task.to_json())
        else:
            show_summary(task)
    return None


def follow(session: Session, handle: Handle[object]) -> int | None:
    for task in map(session.shown, changes(handle)):
        if session.json:
            show_json_line(task.to_json())
        else:
            show(f"{cell(datetime.now(UTC))}  {in_a_line(task)}")
    return None if task.state == "succeeded" else FAILED
