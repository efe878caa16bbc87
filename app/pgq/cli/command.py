"""How a command is declared: a function whose first parameter is the Session, made of the options that all share."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from pgq.cli.failures import end_of
from pgq.cli.options import duration
from pgq.cli.session import Session

SHARED: Mapping[str, Any] = {
    "json": Annotated[bool, typer.Option("--json", help="Print JSON (worker, up: log it).")],
    "database_url": Annotated[
        str | None, typer.Option(metavar="URL", help="The database: a libpq URI or DSN (PGQ_DATABASE_URL).")
    ],
    "data_dir": Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the local server keeps its data (PGQ_DATA_DIR).")
    ],
    "debug": Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")],
}

DURATION = partial(typer.Option, metavar="SECONDS", parser=duration)

PROCESS: Mapping[str, Any] = {
    "concurrency": Annotated[int | None, typer.Option(min=1, max=10_000, help="Tasks at once (PGQ_CONCURRENCY, 100).")],
    "worker_name": Annotated[str | None, typer.Option(metavar="NAME", help="Its name in lists (PGQ_WORKER_NAME).")],
    "grace_seconds": Annotated[
        float | None, DURATION(help="How long running tasks may go on after a stop (PGQ_GRACE_SECONDS, 25).")
    ],
    "lease_seconds": Annotated[
        float | None, DURATION(help="How long a claim holds without being extended (PGQ_LEASE_SECONDS, 60).")
    ],
    "poll_seconds": Annotated[
        float | None, DURATION(help="How often to look for tasks when nobody notifies (PGQ_POLL_SECONDS, 1).")
    ],
    "kind_grace_seconds": Annotated[
        float | None, DURATION(help="How long tasks of a kind without workers are kept (PGQ_KIND_GRACE_SECONDS, 1d).")
    ],
    "retention": Annotated[float | None, DURATION(help="How long finished tasks are kept (PGQ_RETENTION, 7d).")],
    "direct_url": Annotated[
        str | None, typer.Option(metavar="URL", help="Past the connection pooler, for LISTEN (PGQ_DIRECT_URL).")
    ],
    "log_format": Annotated[
        str | None, typer.Option(metavar="console|json", help="How to log (PGQ_LOG_FORMAT, console).")
    ],
    "log_level": Annotated[
        str | None, typer.Option(metavar="debug|info|warning|error", help="How much to log (PGQ_LOG_LEVEL, info).")
    ],
}
"""The settings of `worker` and `up`, under their names in Settings."""

Command = TypeVar("Command", bound=Callable[..., int | None])


def command(app: typer.Typer, name: str, *, process: bool = False) -> Callable[[Command], Command]:
    """Make a function the command `name`; it returns the exit code (None: 0). `process` adds a worker's settings."""
    options = {**SHARED, **PROCESS} if process else SHARED

    def register(function: Command) -> Command:
        def run(context: typer.Context, **given: Any) -> int:
            session = Session.of(context.obj, {option: given.pop(option) for option in options})
            return end_of(partial(function, session, **given), debug=session.debug)

        own = list(inspect.signature(function).parameters.values())[1:]
        present(run, own, options)
        app.command(name, help=inspect.getdoc(function))(run)
        return function

    return register


def remember(app: typer.Typer, function: Callable[..., None]) -> None:
    """Make `function` what runs before any command, and let the shared options stand there, too."""

    def run(context: typer.Context, **given: Any) -> None:
        context.obj = Session.of(context.obj, {option: given.pop(option) for option in SHARED})
        function(**given)

    present(run, list(inspect.signature(function).parameters.values()), SHARED)
    app.callback()(run)


def present(run: Callable[..., Any], own: list[inspect.Parameter], options: Mapping[str, Any]) -> None:
    """Show Typer the parameters that `run` stands for."""
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    shared = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False if name in ("json", "debug") else None,
            annotation=annotation,
        )
        for name, annotation in options.items()
    ]
    named = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    parameters = [context, *named, *shared]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
