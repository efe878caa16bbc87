"""`pgq submit`."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from pgq.cli.command import command
from pgq.cli.describe import why
from pgq.cli.failures import FAILED, TIME_OVER, WrongUsage
from pgq.cli.options import duration, moment, parent_failure, priority
from pgq.cli.output import say, show, show_json
from pgq.cli.session import Session
from pgq.cli.watch import changes, look
from pgq.client.handle import Handle
from pgq.values import strict_json
from pgq.values.json_text import plain
from pgq.values.task import TaskStatus


def add_to(app: typer.Typer) -> None:
    command(app, "submit")(submit)


def submit(
    session: Session,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="The name of the handler.")],
    payload: Annotated[
        str, typer.Argument(metavar="JSON|-|@FILE", help="Its arguments: a JSON object; - reads it from stdin.")
    ] = "{}",
    queue: Annotated[str | None, typer.Option("--queue", "-q", metavar="NAME", help="Default: the kind's.")] = None,
    task_priority: Annotated[
        int | None,
        typer.Option("--priority", metavar="0-9|low|normal|high", parser=priority, help="9 is the most urgent."),
    ] = None,
    delay: Annotated[
        float | None, typer.Option(metavar="SECONDS", parser=duration, help="Run it so much later: 90, 5m, 2h, 1d.")
    ] = None,
    run_at: Annotated[
        datetime | None, typer.Option(metavar="TIME", parser=moment, help="Run it then: 2030-01-31T09:00:00+01:00.")
    ] = None,
    expires_at: Annotated[
        datetime | None, typer.Option(metavar="TIME", parser=moment, help="Do not start it after this time.")
    ] = None,
    max_attempts: Annotated[int | None, typer.Option(metavar="N", help="How often it is tried, 1 to 1000.")] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", parser=duration, help="How long an attempt may take.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="The same key again is the same request and gives the first id.")
    ] = None,
    key_window: Annotated[
        float | None, typer.Option(metavar="SECONDS", parser=duration, help="How long the key is known (1d).")
    ] = None,
    depends_on: Annotated[
        list[UUID] | None, typer.Option(metavar="ID", help="A task that has to end first; repeatable.")
    ] = None,
    on_parent_failure: Annotated[
        str | None,
        typer.Option(
            metavar="cancel|run|wait",
            parser=parent_failure,
            help="When one of these fails: cancel the task, too (the default), run it, or wait for a redrive.",
        ),
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="TAG", help="Repeatable.")] = None,
    header: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Repeatable.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end and print the result.")] = False,
    wait_timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", parser=duration, help="Wait no longer; then exit 3.")
    ] = None,
) -> int | None:
    """Submit a task; prints its id, or with --wait its result (exit 1 when there is none)."""
    if wait_timeout is not None and not wait:
        raise WrongUsage("--wait-timeout means nothing without --wait")
    given = {
        "queue": queue,
        "priority": task_priority,
        "delay": delay,
        "run_at": run_at,
        "expires_at": expires_at,
        "max_attempts": max_attempts,
        "timeout": timeout,
        "key": key,
        "key_window": key_window,
        "depends_on": depends_on or None,
        "on_parent_failure": on_parent_failure,
        "tags": tag or None,
        "headers": headers_of(header or []) or None,
    }
    arguments = read_payload(payload)
    with session.app() as app:
        handle = app.submit(kind, arguments, **given)  # type: ignore[arg-type]
        if not handle.created:
            say(f"the key {key!r} is known: this is the first task that had it")
        if wait:
            return finish(session, handle, wait_timeout)
        if session.json:
            show_task(handle, session.shown(look(handle)))
        else:
            show(str(handle.id))
    return None


def finish(session: Session, handle: Handle[Any], timeout: float | None) -> int | None:
    """Wait for the end; the result on stdout, or the reason why there is none on stderr."""
    try:
        *_, last = changes(handle, timeout)
    except TimeoutError as error:
        say(f"{error}; it goes on: pgq status {handle.id} --watch")
        if session.json:
            show_task(handle, session.shown(look(handle)))
        return TIME_OVER
    status = session.shown(last)
    if session.json:
        show_task(handle, status)
    elif status.state == "succeeded":
        show_json(status.result)
    if status.state == "succeeded":
        return None
    say(f"task {status.id} is {status.state}" + (f": {why(status)}" if status.error else ""))
    return FAILED


def show_task(handle: Handle[Any], status: TaskStatus) -> None:
    show_json({**status.to_json(), "created": handle.created})


def read_payload(words: str) -> Any:
    """The payload from the argument, from stdin (`-`) or from a file (`@FILE`)."""
    try:
        if words == "-":
            text = sys.stdin.buffer.read().decode()
        elif words.startswith("@"):
            text = Path(words[1:]).read_text("utf-8")
        else:
            text = words
        return strict_json.parse(text)
    except OSError as error:
        raise WrongUsage(f"cannot read {words[1:]}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise WrongUsage("the payload is not UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        raise WrongUsage(
            f'the payload is not JSON ({plain(error)}); quote it for the shell: \'{{"to": "ada"}}\''
        ) from None


def headers_of(pairs: list[str]) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair[1:]:
            raise WrongUsage(f"--header must look like NAME=VALUE, not {pair!r}")
    return dict(pair.split("=", 1) for pair in pairs)
