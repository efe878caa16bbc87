"""`pgq tasks list|show|cancel|retry`; `logs` is in a file of its own."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from pgq.cli.audit import each_batch, of_task, record
from pgq.cli.command import command
from pgq.cli.describe import show_everything, show_tasks
from pgq.cli.options import (
    AtMost,
    CreatedAfter,
    CreatedBefore,
    DryRun,
    Everything,
    Kinds,
    Limit,
    Queues,
    States,
    Tags,
    TaskId,
    TaskIds,
    Workflow,
    Yes,
)
from pgq.cli.output import say, show_json
from pgq.cli.session import Session
from pgq.cli.task_logs import logs
from pgq.cli.verbs import Wanted, all_matching, by_ids, each_id
from pgq.db.filters import TaskFilter

if TYPE_CHECKING:
    from psycopg import Connection

# SQLAlchemy is behind lists and filters; only the commands that need it import it, since that takes its time.


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Look at tasks, cancel them, run them again.", no_args_is_help=True)
    for name, function in (("list", list_tasks), ("show", show_task), ("cancel", cancel), ("retry", retry)):
        command(group, name)(function)
    command(group, "logs")(logs)
    app.add_typer(group, name="tasks")


def list_tasks(
    session: Session,
    state: States = None,
    queue: Queues = None,
    kind: Kinds = None,
    tag: Tags = None,
    workflow: Workflow = None,
    created_after: CreatedAfter = None,
    created_before: CreatedBefore = None,
    limit: Limit = 50,
    cursor: Annotated[UUID | None, typer.Option(metavar="ID", help="Begin behind this task.")] = None,
) -> None:
    """List tasks, newest first."""
    from pgq.db import reads

    which = task_filter(state, queue, kind, tag, workflow, created_after, created_before)
    with session.connect() as connection:
        found = [session.shown(task) for task in reads.list_tasks(connection, which, before=cursor, limit=limit)]
    if session.json:
        show_json([task.to_json() for task in found])
    else:
        show_tasks(found)
    if len(found) == limit:
        say(f"there may be more: --cursor {found[-1].id}")


def show_task(session: Session, task_id: TaskId) -> None:
    """Show all of one task: its payload, its result, its parents, the attempts that failed."""
    with session.connect() as connection:
        task = session.look(connection, task_id)
        if session.json:
            show_json(task.to_json())
        else:
            show_everything(task, session.parents(connection, task), session.failed_attempts(connection, task_id))


def cancel(
    session: Session,
    ids: TaskIds = None,
    state: States = None,
    queue: Queues = None,
    kind: Kinds = None,
    tag: Tags = None,
    workflow: Workflow = None,
    created_after: CreatedAfter = None,
    created_before: CreatedBefore = None,
    everything: Everything = False,
    limit: AtMost = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int | None:
    """Cancel tasks that have not ended, by ids or by a filter. Running ones are told to stop."""
    which = task_filter(state, queue, kind, tag, workflow, created_after, created_before)
    wanted = Wanted(not which.empty, everything, limit, yes, dry_run)
    if by_ids(ids, wanted):
        return each_id(session, ids or [], partial(cancel_one, session))
    from pgq.operate.bulk import cancel_matching

    note = each_batch("task.cancel", which, everything=everything, limit=limit)
    bulk = partial(cancel_matching, which=which, note=note)
    all_matching(session, bulk, wanted, verb="Cancel", done="cancelled or told to stop", noun="task")
    return None


def cancel_one(session: Session, connection: "Connection[Any]", task_id: UUID) -> object:
    from pgq.operate.tasks import cancel

    with connection.transaction():
        task = session.look(connection, task_id)
        answer = cancel(connection, task_id)
        record(connection, "task.cancel", str(task_id), of_task(task))
    if session.json:
        return session.look(connection, task_id).to_json()
    return f"{task_id} {'is told to stop' if answer == 'requested' else answer}"


def retry(
    session: Session,
    ids: TaskIds = None,
    state: States = None,
    queue: Queues = None,
    kind: Kinds = None,
    tag: Tags = None,
    workflow: Workflow = None,
    created_after: CreatedAfter = None,
    created_before: CreatedBefore = None,
    everything: Everything = False,
    limit: AtMost = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int | None:
    """Run tasks again, by ids or a filter: dead ones are redriven, waiting ones run now, ended ones give new tasks."""
    which = task_filter(state, queue, kind, tag, workflow, created_after, created_before)
    wanted = Wanted(not which.empty, everything, limit, yes, dry_run)
    if by_ids(ids, wanted):
        return each_id(session, ids or [], partial(retry_one, session))
    from pgq.operate.bulk import retry_matching

    note = each_batch("task.retry", which, everything=everything, limit=limit)
    bulk = partial(retry_matching, which=which, note=note)
    all_matching(session, bulk, wanted, verb="Run again", done="run again", noun="task")
    return None


def retry_one(session: Session, connection: "Connection[Any]", task_id: UUID) -> object:
    from pgq.operate.tasks import retry

    with connection.transaction():
        task = session.look(connection, task_id)
        runs = retry(connection, task_id)
        more = {} if runs == task_id else {"new_task": str(runs)}
        record(connection, "task.retry", str(task_id), {**of_task(task), **more})
    if session.json:
        return session.look(connection, runs).to_json()
    return f"{task_id} runs again" + (f" as {runs}" if runs != task_id else "")


def task_filter(
    states: list[str] | None,
    queues: list[str] | None,
    kinds: list[str] | None,
    tags: list[str] | None,
    workflow: UUID | None,
    created_after: datetime | None,
    created_before: datetime | None,
) -> TaskFilter:
    return TaskFilter(
        states=frozenset(states or ()),
        queues=tuple(queues or ()),
        kinds=tuple(kinds or ()),
        tags=tuple(tags or ()),
        workflow_id=workflow,
        created_after=created_after,
        created_before=created_before,
    )
