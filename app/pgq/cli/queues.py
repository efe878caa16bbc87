"""`pgq queues list|set|pause|resume`."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from pgq.cli.audit import record
from pgq.cli.command import command
from pgq.cli.failures import WrongUsage
from pgq.cli.options import duration, moment, whole_number
from pgq.cli.output import cell, say, show, show_json, show_json_line, show_table
from pgq.cli.session import Session
from pgq.values.queue_settings import SETTINGS, queue_json
from pgq.values.task import json_value

COLUMNS = ("queue", "ready", "scheduled", "retrying", "blocked", "running", "dead")
NO_SETTING = "none"
"""The word that takes a setting back."""
Names = Annotated[list[str], typer.Argument(metavar="NAME", help="The queues.")]


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Look at the queues, set their limits, pause and resume them.", no_args_is_help=True)
    for name, function in (("list", list_queues), ("set", set_queues), ("pause", pause), ("resume", resume)):
        command(group, name)(function)
    app.add_typer(group, name="queues")


def list_queues(session: Session) -> None:
    """List the queues and how full they are."""
    from pgq.db.overview import queues, unknown_kinds

    with session.connect() as connection:
        found, unknown = queues(connection), unknown_kinds(connection)
    if session.json:
        show_json([queue_json(queue) for queue in found])
    else:
        show_table(
            [*COLUMNS, "oldest ready", "paused", "max depth"],
            (
                [
                    *(queue[name] for name in COLUMNS),
                    f"{queue['oldest_ready_seconds']:,.0f} s",
                    queue["paused"],
                    queue["max_depth"],
                ]
                for queue in found
            ),
        )
    for kind in unknown:
        say(nobody_has(kind))


def nobody_has(kind: dict[str, Any]) -> str:
    seen = f"since {cell(kind['seen_at'])}" if kind["seen_at"] else "and none ever had"
    return (
        f"no live worker has the kind {kind['kind']!r} {seen}: "
        f"waiting in queue {kind['queue']!r}: {kind['pending']:,}, the oldest of {cell(kind['oldest_created_at'])}"
    )


def set_queues(
    session: Session,
    names: Names,
    max_depth: Annotated[
        str | None,
        typer.Option(metavar="N|none", help="So many tasks may wait; refuse more."),
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option(metavar="SECONDS|none", help="Timeout where nobody says one."),
    ] = None,
    retention: Annotated[
        str | None,
        typer.Option(metavar="SECONDS|none", help="Keep ended tasks so long (from 1h)."),
    ] = None,
) -> None:
    """Set what holds for queues; `none` takes a setting back. What is not named stays."""
    from pgq.db.overview import queues
    from pgq.operate.queues import set_queue

    given = {
        name: None if words == NO_SETTING else read(words)
        for name, words, read in (
            ("max_depth", max_depth, whole_number),
            ("timeout_seconds", timeout, duration),
            ("retention_seconds", retention, duration),
        )
        if words is not None
    }
    if not given:
        raise WrongUsage("say what to set: --max-depth, --timeout or --retention")
    with session.connect() as connection:
        for name in names:
            with connection.transaction():
                set_queue(connection, name, given)
                record(connection, "queue.set", name, given)
            (queue,) = queues(connection, name)
            if session.json:
                show_json_line(queue_json(queue))
            else:
                show(f"{name}: " + ", ".join(f"{each} {cell(queue[each])}" for each in SETTINGS))


def pause(
    session: Session,
    names: Names,
    until: Annotated[
        datetime | None, typer.Option(metavar="TIME", parser=moment, help="Resume by itself then.")
    ] = None,
    length: Annotated[
        float | None,
        typer.Option("--for", metavar="SECONDS", parser=duration, help="Resume by itself after 90, 5m, 2h."),
    ] = None,
) -> None:
    """Let workers claim nothing from queues; what runs goes on, what is submitted waits."""
    from pgq.operate.queues import pause

    if until is not None and length is not None:
        raise WrongUsage("give --until or --for, not both")
    if until is not None and until <= datetime.now(UTC):
        raise WrongUsage("--until lies in the past")
    with session.connect() as connection:
        for name in names:
            with connection.transaction():
                ends = pause(connection, name, until=until, seconds=length)
                record(connection, "queue.pause", name, {"until": json_value(ends)})
            if session.json:
                show_json_line({"queue": name, "paused": True, "paused_until": json_value(ends)})
            else:
                show(f"{name} is paused" + (f" until {cell(ends)}" if ends else ""))


def resume(session: Session, names: Names) -> None:
    """Let workers claim from queues again."""
    from pgq.operate.queues import resume

    with session.connect() as connection:
        for name in names:
            with connection.transaction():
                was_paused = resume(connection, name)
                record(connection, "queue.resume", name)
            if session.json:
                show_json_line({"queue": name, "paused": False, "paused_until": None})
            else:
                show(f"{name} is resumed" if was_paused else f"{name} was not paused")
