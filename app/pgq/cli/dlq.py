"""`pgq dlq list|show|redrive|purge`: the dead letters."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from pgq.cli.audit import each_batch, of_task, record
from pgq.cli.command import command
from pgq.cli.describe import show_dead_letters, show_everything
from pgq.cli.failures import WrongUsage
from pgq.cli.options import (
    AtMost,
    DeadAfter,
    DeadBefore,
    DryRun,
    ErrorTypes,
    Everything,
    Kinds,
    Limit,
    Queues,
    TaskId,
    TaskIds,
    Yes,
)
from pgq.cli.output import say, show_json
from pgq.cli.session import Session
from pgq.cli.submit import read_payload
from pgq.cli.verbs import Wanted, all_matching, by_ids, each_id
from pgq.db.filters import DeadLetterFilter
from pgq.values.errors import WrongState
from pgq.values.task import TaskStatus, json_value

if TYPE_CHECKING:
    from psycopg import Connection

    from pgq.db.reads import DeadAt


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Look at the dead letters, redrive them, purge them.", no_args_is_help=True)
    for name, function in (("list", list_dead), ("show", show_dead), ("redrive", redrive), ("purge", purge)):
        command(group, name)(function)
    app.add_typer(group, name="dlq")


def list_dead(
    session: Session,
    queue: Queues = None,
    kind: Kinds = None,
    error_type: ErrorTypes = None,
    dead_after: DeadAfter = None,
    dead_before: DeadBefore = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, typer.Option(metavar="CURSOR", help="Go on behind an earlier page.")] = None,
) -> None:
    """List the dead letters, the last buried first."""
    from pgq.db import reads

    which = dead_filter(queue, kind, error_type, dead_after, dead_before)
    with session.connect() as connection:
        page = reads.list_dead_letters(connection, which, before=read_cursor(cursor), limit=limit)
    found = [session.shown(task) for task in page]
    if session.json:
        show_json([task.to_json() for task in found])
    else:
        show_dead_letters(found)
    if len(found) == limit:
        say(f"there may be more: --cursor {cursor_behind(found[-1])}")


def show_dead(session: Session, task_id: TaskId) -> None:
    """Show all of one dead letter: its payload, its error, the attempts that failed."""
    with session.connect() as connection:
        task = session.look(connection, task_id)
        if task.state != "dead":
            raise WrongState(task_id, task.state, f"it is no dead letter; pgq tasks show {task_id}")
        if session.json:
            show_json(task.to_json())
        else:
            show_everything(task, session.parents(connection, task), session.failed_attempts(connection, task_id))


def redrive(
    session: Session,
    ids: TaskIds = None,
    queue: Queues = None,
    kind: Kinds = None,
    error_type: ErrorTypes = None,
    dead_after: DeadAfter = None,
    dead_before: DeadBefore = None,
    everything: Everything = False,
    limit: AtMost = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    payload: Annotated[
        str | None, typer.Option(metavar="JSON|-|@FILE", help="A payload in place of their own; with ids only.")
    ] = None,
) -> int | None:
    """Bring dead letters back, by ids or by a filter: due now, with all their attempts again."""
    which = dead_filter(queue, kind, error_type, dead_after, dead_before)
    wanted = Wanted(not which.empty, everything, limit, yes, dry_run)
    if by_ids(ids, wanted):
        given = None if payload is None else read_payload(payload)
        return each_id(session, ids or [], partial(redrive_one, session, given))
    if payload is not None:
        raise WrongUsage("--payload goes with ids, not with a filter")
    from pgq.operate.bulk import redrive_matching

    note = each_batch("dlq.redrive", which, everything=everything, limit=limit)
    bulk = partial(redrive_matching, which=which, note=note)
    all_matching(session, bulk, wanted, verb="Redrive", done="redriven", noun="dead letter")
    return None


def redrive_one(
    session: Session, payload: dict[str, Any] | None, connection: "Connection[Any]", task_id: UUID
) -> object:
    from pgq.operate.tasks import redrive

    with connection.transaction():
        task = session.look(connection, task_id)
        redrive(connection, task_id, payload)
        record(connection, "dlq.redrive", str(task_id), {**of_task(task), "new_payload": payload is not None})
    return session.look(connection, task_id).to_json() if session.json else f"{task_id} redriven"


def purge(
    session: Session,
    ids: TaskIds = None,
    queue: Queues = None,
    kind: Kinds = None,
    error_type: ErrorTypes = None,
    dead_after: DeadAfter = None,
    dead_before: DeadBefore = None,
    everything: Everything = False,
    limit: AtMost = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int | None:
    """Forget dead letters for good, by ids or by a filter."""
    which = dead_filter(queue, kind, error_type, dead_after, dead_before)
    wanted = Wanted(not which.empty, everything, limit, yes, dry_run)
    if by_ids(ids, wanted):
        return each_id(session, ids or [], partial(purge_one, session))
    from pgq.operate.bulk import purge_matching

    note = each_batch("dlq.purge", which, everything=everything, limit=limit)
    bulk = partial(purge_matching, which=which, note=note)
    all_matching(session, bulk, wanted, verb="Purge", done="purged", noun="dead letter")
    return None


def purge_one(session: Session, connection: "Connection[Any]", task_id: UUID) -> object:
    from pgq.operate.tasks import purge

    with connection.transaction():
        task = session.look(connection, task_id)
        purge(connection, task_id)
        record(connection, "dlq.purge", str(task_id), of_task(task))
    return {"id": str(task_id), "purged": True} if session.json else f"{task_id} purged"


def dead_filter(
    queues: list[str] | None,
    kinds: list[str] | None,
    error_types: list[str] | None,
    dead_after: datetime | None,
    dead_before: datetime | None,
) -> DeadLetterFilter:
    return DeadLetterFilter(
        queues=tuple(queues or ()),
        kinds=tuple(kinds or ()),
        error_types=tuple(error_types or ()),
        dead_after=dead_after,
        dead_before=dead_before,
    )


def cursor_behind(task: TaskStatus) -> str:
    return f"{json_value(task.finished_at)}_{task.id}"


def read_cursor(words: str | None) -> "DeadAt | None":
    from pgq.db.reads import DeadAt

    if words is None:
        return None
    when, _, task_id = words.partition("_")
    try:
        return DeadAt(datetime.fromisoformat(when), UUID(task_id))
    except ValueError:
        raise WrongUsage("--cursor takes what an earlier page said") from None
