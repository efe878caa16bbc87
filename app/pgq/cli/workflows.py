"""`pgq workflows submit|list|show|cancel|retry`."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from pgq.cli.audit import record
from pgq.cli.command import command
from pgq.cli.failures import FAILED, TIME_OVER, WrongUsage
from pgq.cli.options import Limit, duration, reader
from pgq.cli.output import cell, say, show, show_json, show_table
from pgq.cli.session import Session
from pgq.cli.verbs import counted, each_id
from pgq.cli.workflow_file import read_workflow
from pgq.values import fields
from pgq.values.errors import InvalidTask, WorkflowNotFound
from pgq.values.workflow import STATES, WorkflowStatus, WorkflowTask, live_counts, tasks_json

if TYPE_CHECKING:
    from psycopg import Connection


def read_state(words: str) -> str:
    if words not in STATES:
        raise InvalidTask("state", f"must be one of {', '.join(STATES)}")
    return words


WorkflowId = Annotated[UUID, typer.Argument(metavar="ID", help="The workflow's id.")]
WorkflowIds = Annotated[list[UUID], typer.Argument(metavar="ID", help="Ids of workflows.")]
File = Annotated[str, typer.Argument(metavar="FILE", help="JSON or YAML; - for stdin.")]
States = Annotated[
    list[str] | None,
    typer.Option(
        "--state",
        metavar="STATE",
        parser=reader(read_state, "state"),
        help=f"In this state; repeatable. One of {', '.join(STATES)}.",
    ),
]
Names = Annotated[list[str] | None, typer.Option("--name", metavar="NAME", help="With this name; repeatable.")]


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Submit, watch and steer tasks that depend on one another.", no_args_is_help=True)
    verbs = (
        ("submit", submit),
        ("list", list_workflows),
        ("show", show_workflow),
        ("cancel", cancel),
        ("retry", retry),
    )
    for name, function in verbs:
        command(group, name)(function)
    app.add_typer(group, name="workflows")


def submit(
    session: Session,
    file: File,
    key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="The same workflow with the same key again gives the first one's id."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end; exit 1 unless it succeeded.")] = False,
    wait_timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", parser=duration, help="Wait no longer; exit 3.")
    ] = None,
) -> int | None:
    """Submit a workflow: {"name": ..., "tasks": [{"name", "kind", "payload", "depends_on": [names]}, ...]}."""
    from pgq.client.app import App
    from pgq.client.flows import submit_workflow
    from pgq.client.ids import uuid7s
    from pgq.client.links import PsycopgLink
    from pgq.client.options import KEY_LENGTH
    from pgq.client.run import run

    if wait_timeout is not None and not wait:
        raise WrongUsage("--wait-timeout means nothing without --wait")
    flow = described_in(file)
    if key is not None and flow.key not in (None, key):
        raise WrongUsage("--key differs from the idempotency_key in the file")
    key = fields.name(key, "key", KEY_LENGTH) if key is not None else flow.key
    with session.connect() as connection:
        plan = submit_workflow(next(uuid7s()), flow.name, flow.on_failure, flow.drafts, key)
        id, created = run(plan, PsycopgLink(connection), atomic=True)
        if not created:
            say(f"the key {key!r} is known: this is the first workflow that had it")
        if not wait:
            tell(session, look(connection, id))
            return None
    with App(session.conninfo()) as app:
        try:
            found = app.workflow_run(id).wait(wait_timeout)
        except TimeoutError as error:
            say(f"{error}; it goes on: pgq workflows show {id}")
            tell(session, app.workflow_run(id).status())
            return TIME_OVER
    tell(session, found)
    if found.state != "succeeded":
        say(f"workflow {id} has {in_words(found)}")
        return FAILED
    return None


def described_in(file: str) -> Any:
    """The workflow in a file. Raises WrongUsage, naming what is wrong by its place."""
    from pgq.api.description import Unreadable, described
    from pgq.api.models.submit import SubmitTask

    try:
        return described(read_workflow(file), lambda value, _at: SubmitTask.model_validate(value).new_task())
    except Unreadable as error:
        raise WrongUsage(f"the workflow cannot be submitted: {error}") from None


def list_workflows(
    session: Session,
    state: States = None,
    name: Names = None,
    limit: Limit = 50,
    cursor: Annotated[UUID | None, typer.Option(metavar="ID", help="Begin behind this workflow.")] = None,
) -> None:
    """List workflows, newest first."""
    from pgq.db.workflows import list_workflows

    with session.connect() as connection:
        found = list_workflows(connection, states=state or (), names=name or (), before=cursor, limit=limit)
    if session.json:
        show_json([one.to_json() for one in found])
    else:
        show_table(
            ["id", "name", "state", "ended", "failed", "created", "finished"],
            (
                (f.id, f.name, f.state, f"{f.ended}/{f.total}", f.dead + f.expired, f.created_at, f.finished_at)
                for f in found
            ),
        )
    if len(found) == limit:
        say(f"there may be more: --cursor {found[-1].id}")


def show_workflow(session: Session, workflow_id: WorkflowId) -> None:
    """Show a workflow and each of its tasks."""
    from pgq.db.workflows import workflow_tasks

    with session.connect() as connection:
        found, tasks = look(connection, workflow_id), workflow_tasks(connection, workflow_id)
    if session.json:
        show_json({**found.to_json(), "live": live_counts(tasks), "tasks": tasks_json(tasks)})
    else:
        show_in_full(found, tasks)


def cancel(session: Session, ids: WorkflowIds) -> int | None:
    """Cancel workflows: all their tasks that have not ended. Running ones are told to stop."""
    return each_id(session, ids, partial(cancel_one, session))


def cancel_one(session: Session, connection: "Connection[Any]", workflow_id: UUID) -> object:
    from pgq.operate.workflows import cancel_workflow

    with connection.transaction():
        flow = look(connection, workflow_id)
        tasks = cancel_workflow(connection, workflow_id)
        record(connection, "workflow.cancel", str(workflow_id), {"name": flow.name, "tasks": tasks})
    return after(session, connection, workflow_id, f"{counted(tasks, 'task')} cancelled or told to stop")


def retry(session: Session, ids: WorkflowIds) -> int | None:
    """Run workflows again from where they failed: what is dead, cancelled or expired; what has succeeded stays."""
    return each_id(session, ids, partial(retry_one, session))


def retry_one(session: Session, connection: "Connection[Any]", workflow_id: UUID) -> object:
    from pgq.operate.workflows import retry_workflow

    with connection.transaction():
        flow = look(connection, workflow_id)
        tasks = retry_workflow(connection, workflow_id)
        record(connection, "workflow.retry", str(workflow_id), {"name": flow.name, "tasks": tasks})
    return after(session, connection, workflow_id, f"{counted(tasks, 'task')} to run again")


def after(session: Session, connection: "Connection[Any]", workflow_id: UUID, words: str) -> object:
    return look(connection, workflow_id).to_json() if session.json else f"{workflow_id}: {words}"


def look(connection: "Connection[Any]", workflow_id: UUID) -> WorkflowStatus:
    """The workflow. Raises WorkflowNotFound."""
    from pgq.db.errors import our_errors
    from pgq.db.workflows import status

    with our_errors():
        found = status(connection, workflow_id)
    if found is None:
        raise WorkflowNotFound(workflow_id)
    return found


def tell(session: Session, found: WorkflowStatus) -> None:
    """What was submitted: its id, or all that is known of it as JSON."""
    if session.json:
        show_json(found.to_json())
    else:
        show(str(found.id))


def show_in_full(found: WorkflowStatus, tasks: list[WorkflowTask]) -> None:
    facts: dict[str, object] = {
        "id": found.id,
        "name": found.name,
        "state": in_words(found),
        "on failure": found.on_failure,
        "created": found.created_at,
        "finished": found.finished_at,
        "cancelled": found.cancel_requested_at,
    }
    for name, value in facts.items():
        if value is not None:
            show(f"{name + ':':<12}{cell(value)}")
    show("")
    names = {task.id: task.name for task in tasks}
    show_table(
        ["task", "id", "kind", "state", "attempt", "error", "depends on"],
        (
            (
                task.name, task.id, task.kind, task.state or "forgotten",
                f"{task.attempt}/{task.max_attempts}" if task.attempt is not None else None, task.error,
                [names.get(id, str(id)) for id in task.depends_on],
            )
            for task in tasks
        ),
    )  # fmt: skip


def in_words(found: WorkflowStatus) -> str:
    """`failed: 3 of 5 ended, 1 succeeded, 1 cancelled, 1 dead`."""
    ended = [f"{getattr(found, name):,} {name}" for name in ("succeeded", "cancelled", "expired", "dead")]
    said = [words for words in ended if not words.startswith("0 ")]
    return ", ".join([f"{found.state}: {found.ended:,} of {found.total:,} ended", *said])
