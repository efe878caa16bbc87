"""`pgq worker` and `pgq up`."""

from typing import Annotated

import typer

from pgq.cli.api import Auth, Host, Insecure, Port
from pgq.cli.command import command
from pgq.cli.failures import WrongUsage
from pgq.cli.loading import load_app
from pgq.cli.logs import configure
from pgq.cli.output import say
from pgq.cli.session import Session
from pgq.cli.supervise import become_supervisor

AppName = Annotated[str | None, typer.Argument(metavar="MODULE[:APP]", help="Whose handlers to run (PGQ_APP).")]


def add_to(app: typer.Typer) -> None:
    command(app, "up", process=True)(up)
    command(app, "worker", process=True)(worker)


def up(
    session: Session,
    app: Annotated[
        str | None,
        typer.Option(metavar="MODULE[:APP]", help="Whose handlers to run, besides the built-in kinds (PGQ_APP)."),
    ] = None,
    host: Host = None,
    port: Port = None,
    auth: Auth = None,
    insecure: Insecure = False,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Migrate the database that PGQ_DATABASE_URL names.")
    ] = False,
) -> int:
    """Run everything, until Ctrl-C: the API, a worker, and without PGQ_DATABASE_URL a local PostgreSQL, migrated."""
    from pgq import up

    named = {
        "app": app,
        "host": host,
        "port": port,
        "auth": auth,
        "insecure": insecure or None,
        "log_format": "json" if session.json else None,
    }
    settings = session.settings(**named)
    configure(style=settings.log_format, level=settings.log_level)
    if settings.queues:
        read_queues(settings.queues)
    loaded = load_app(settings.app) if settings.app else None
    given = {**session.given, **named}
    return up.up(
        settings,
        loaded,
        worker=["worker", "--builtins"],
        environment={f"PGQ_{name.upper()}": str(value) for name, value in given.items() if value is not None},
        migrate=migrate,
        say=say,
    )


def worker(
    session: Session,
    app: AppName = None,
    queue: Annotated[
        list[str] | None,
        typer.Option("--queue", "-q", metavar="NAME[:WEIGHT]", help="Serve this queue; repeatable (PGQ_QUEUES)."),
    ] = None,
    builtins: Annotated[
        bool, typer.Option("--builtins", help="Serve the built-in kinds echo, sleep and fail, too.")
    ] = False,
    processes: Annotated[
        int | None,
        typer.Option(min=1, max=1_000, help="Worker processes, each with its own concurrency (PGQ_PROCESSES, 1)."),
    ] = None,
    drain: Annotated[
        bool, typer.Option("--drain", help="End when nothing is ready, running or retrying in its queues.")
    ] = False,
) -> int:
    """Claim tasks and run them, until SIGTERM or Ctrl-C. Without -q: the queues of its handlers, and default.

    The processes that work are supervised by one that does not: it starts those again that die.
    """
    from pgq.supervisor.link import link_to_supervisor

    settings = session.settings(
        app=app,
        queues=",".join(queue) if queue else None,
        processes=processes,
        log_format="json" if session.json else None,
    )
    queues = read_queues(settings.queues) if settings.queues else None
    configure(style=settings.log_format, level=settings.log_level)
    supervisor = link_to_supervisor()
    if supervisor is None and session.command:
        become_supervisor(
            session.command,
            processes=settings.processes,
            grace=settings.grace_seconds,
            style=settings.log_format,
            level=settings.log_level,
        )

    from pgq import service
    from pgq.worker.builtins import builtin_app

    loaded = load_app(settings.app) if settings.app else None
    conninfo = session.conninfo(own=loaded.database_url if loaded else None)
    if loaded is None or builtins:
        loaded = builtin_app(loaded)
    return service.run_worker(settings, loaded, queues=queues, conninfo=conninfo, drain=drain, supervisor=supervisor)


def read_queues(words: str) -> list[tuple[str, int]]:
    """`email:10,default` as names with weights; a weight is 1 unless it is given. Raises WrongUsage."""
    queues: dict[str, int] = {}
    for part in words.split(","):
        name, colon, weight = part.strip().rpartition(":") if ":" in part else (part.strip(), "", "1")
        if not name or (colon and not (weight.isdecimal() and int(weight) >= 1)):
            raise WrongUsage(f"a queue must look like email or email:10 (a weight from 1), not {part!r}")
        if name in queues:
            raise WrongUsage(f"the queue {name!r} is named twice")
        queues[name] = int(weight)
    return list(queues.items())
