"""`pgq schedules add|list|show|remove|pause|resume|run`."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pgq.cli.audit import record
from pgq.cli.command import command
from pgq.cli.failures import Failed
from pgq.cli.options import duration, priority
from pgq.cli.output import cell, say, show, show_json, show_table
from pgq.cli.session import Session
from pgq.cli.submit import read_payload
from pgq.cli.verbs import each_id
from pgq.values.errors import ScheduleExists

if TYPE_CHECKING:
    from psycopg import Connection

    from pgq.values.schedule import Schedule

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name.")]
Names = Annotated[list[str], typer.Argument(metavar="NAME", help="The schedules.")]


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Let tasks run at fixed times: add schedules, look at them, steer them.", no_args_is_help=True
    )
    for name, function in (
        ("add", add),
        ("list", list_schedules),
        ("show", show_schedule),
        ("remove", remove),
        ("pause", pause),
        ("resume", resume),
        ("run", run),
    ):
        command(group, name)(function)
    app.add_typer(group, name="schedules")


def add(
    session: Session,
    name: Name,
    cron: Annotated[
        str,
        typer.Argument(
            metavar="CRON", help="'0 9 * * 1-5': five fields, six with seconds first, or @daily and its kin."
        ),
    ],
    kind: Annotated[str, typer.Argument(metavar="KIND", help="The name of the handler.")],
    payload: Annotated[
        str, typer.Argument(metavar="JSON|-|@FILE", help="Its arguments: a JSON object; - reads it from stdin.")
    ] = "{}",
    timezone: Annotated[str | None, typer.Option(metavar="ZONE", help="Whose clock: Europe/Paris (UTC).")] = None,
    queue: Annotated[str | None, typer.Option("--queue", "-q", metavar="NAME", help="Default: the kind's.")] = None,
    task_priority: Annotated[
        int | None,
        typer.Option("--priority", metavar="0-9|low|normal|high", parser=priority, help="9 is the most urgent."),
    ] = None,
    misfire: Annotated[
        str | None, typer.Option(metavar="skip|once|all", help="Which of the ticks that were missed fire (once).")
    ] = None,
    overlap: Annotated[
        str | None, typer.Option(metavar="allow|skip", help="What a tick does while the last task lives (allow).")
    ] = None,
    jitter: Annotated[
        float | None, typer.Option(metavar="SECONDS", parser=duration, help="Fire up to so much later, at random.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="In place of the one with this name, if there is one.")
    ] = False,
) -> None:
    """Add a schedule; it fires first at the first tick after now."""
    from pgq.operate.schedules import create_schedule, put_schedule

    options = {
        "timezone": timezone,
        "queue": queue,
        "priority": task_priority,
        "misfire": misfire,
        "overlap": overlap,
        "jitter_seconds": jitter,
    }
    given: dict[str, Any] = {option: value for option, value in options.items() if value is not None}
    arguments = read_payload(payload)
    action = "schedule.create"
    with session.connect() as connection, connection.transaction():
        try:
            if not replace:
                create_schedule(connection, name, cron, kind, arguments, **given)
            elif not put_schedule(connection, name, cron, kind, arguments, **given):
                action = "schedule.replace"
        except ScheduleExists:
            raise Failed(f"a schedule has the name {name!r} already; --replace puts this one in its place") from None
        record(connection, action, name, {"cron": cron, "kind": kind, **given})
        made = find(connection, name)
    if session.json:
        show_json(made.to_json(session.redaction()))
    else:
        show(f"{name}: first at {cell(made.next_ticks[:1])}")


def list_schedules(session: Session) -> None:
    """List the schedules, newest first."""
    from pgq.db.schedules import list_schedules

    with session.connect() as connection:
        found = list_schedules(connection)
    if session.json:
        redaction = session.redaction()
        show_json([one.to_json(redaction) for one in found])
    else:
        show_table(
            ["name", "cron", "timezone", "kind", "queue", "source", "state", "next tick", "last tick"],
            (
                [
                    *(one.name, one.cron, one.timezone, one.kind, one.task_queue, one.source),
                    *(state(one), next_tick(one), one.last_tick_at),
                ]
                for one in found
            ),
        )
        for one in found:
            if one.error:
                say(f"{one.name}: {one.error}")


def show_schedule(session: Session, name: Name) -> None:
    """Show all of one schedule, with its next ten ticks."""
    with session.connect() as connection:
        found = find(connection, name)
    shown = found.to_json(session.redaction())
    if session.json:
        show_json(shown)
        return
    facts: dict[str, object] = {
        "name": found.name,
        "cron": f"{found.cron} ({found.timezone})",
        "kind": found.kind,
        "queue": found.task_queue,
        "payload": json.dumps(shown["payload"], ensure_ascii=False),
        "priority": found.priority,
        "misfire": found.misfire,
        "overlap": found.overlap,
        "jitter": f"{found.jitter_seconds:g} s" if found.jitter_seconds else None,
        "source": found.source,
        "state": state(found),
        "paused at": found.paused_at,
        "error": found.error,
        "seen at": found.seen_at,
        "last tick": found.last_tick_at,
        "last task": found.last_task_id,
        "created": found.created_at,
        "updated": found.updated_at,
    }
    for fact, value in facts.items():
        if value is not None:
            show(f"{fact + ':':<11}{cell(value)}")
    for number, tick in enumerate(found.next_ticks):
        show(f"{'next:' if number == 0 else '':<11}{cell(tick)}")


def remove(session: Session, names: Names) -> int | None:
    """Forget schedules; their tasks stay."""
    from pgq.operate.schedules import delete_schedule

    def act(connection: "Connection[Any]", name: str) -> object:
        with connection.transaction():
            delete_schedule(connection, name)
            record(connection, "schedule.delete", name)
        return {"name": name, "removed": True} if session.json else f"{name} is removed"

    return each_id(session, names, act)


def pause(session: Session, names: Names) -> int | None:
    """Let schedules not fire until they are resumed."""
    from pgq.operate.schedules import pause_schedule

    def act(connection: "Connection[Any]", name: str) -> object:
        with connection.transaction():
            done = pause_schedule(connection, name)
            record(connection, "schedule.pause", name)
        if session.json:
            return find(connection, name).to_json(session.redaction())
        return f"{name} is paused" if done else f"{name} was paused already"

    return each_id(session, names, act)


def resume(session: Session, names: Names) -> int | None:
    """Let schedules fire again, from their next tick on."""
    from pgq.operate.schedules import resume_schedule

    def act(connection: "Connection[Any]", name: str) -> object:
        with connection.transaction():
            done = resume_schedule(connection, name)
            record(connection, "schedule.resume", name)
        if session.json:
            return find(connection, name).to_json(session.redaction())
        return f"{name} is resumed" if done else f"{name} was not paused"

    return each_id(session, names, act)


def run(session: Session, names: Names) -> int | None:
    """Submit the tasks of schedules now, beside their ticks; prints the tasks' ids."""
    from pgq.operate.schedules import run_schedule

    def act(connection: "Connection[Any]", name: str) -> object:
        with connection.transaction():
            task_id = run_schedule(connection, name)
            record(connection, "schedule.run", name, {"task": str(task_id)})
        return session.look(connection, task_id).to_json() if session.json else task_id

    return each_id(session, names, act)


def find(connection: "Connection[Any]", name: str) -> "Schedule":
    from pgq.db.schedules import find_schedule

    found = find_schedule(connection, name)
    if found is None:
        raise Failed(f"no schedule has the name {name!r}; 'pgq schedules list' shows them")
    return found


def state(schedule: "Schedule") -> str:
    """What keeps it from firing, if anything does."""
    if schedule.paused_at:
        return "paused"
    if schedule.unseen:
        return "unseen"
    return "failing" if schedule.error else "active"


def next_tick(schedule: "Schedule") -> object:
    """The tick that it waits for; the scheduler may not have looked at it yet."""
    if schedule.paused_at:
        return None
    return schedule.next_tick_at or next(iter(schedule.next_ticks), None)
