"""`pgq api`."""

import os
import socket
from pathlib import Path
from typing import Annotated

import typer

from pgq.cli.command import DURATION, command
from pgq.cli.logs import configure
from pgq.cli.session import Session

Host = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where the API listens (PGQ_HOST, 127.0.0.1).")]
Port = Annotated[int | None, typer.Option(min=0, max=65_535, help="On which port (PGQ_PORT, 8000).")]
Auth = Annotated[
    str | None,
    typer.Option(metavar="required|off", help="Whether a token is needed (PGQ_AUTH; off on 127.0.0.1 only)."),
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Allow auth to be off where others can reach it.")]
Certificate = Annotated[Path | None, typer.Option(metavar="FILE", help="Speak https, with this certificate (PEM).")]
Key = Annotated[Path | None, typer.Option(metavar="FILE", help="The certificate's key (PEM).")]
ClientCa = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Clients must show a certificate that one of these signed.")
]
LogFormat = Annotated[str | None, typer.Option(metavar="console|json", help="How to log (PGQ_LOG_FORMAT, console).")]
LogLevel = Annotated[
    str | None, typer.Option(metavar="debug|info|warning|error", help="How much to log (PGQ_LOG_LEVEL, info).")
]


def add_to(app: typer.Typer) -> None:
    command(app, "api")(api)


def api(
    session: Session,
    host: Host = None,
    port: Port = None,
    processes: Annotated[
        int | None, typer.Option(min=1, max=1_000, help="Processes that share the port (PGQ_API_PROCESSES, 1).")
    ] = None,
    auth: Auth = None,
    insecure: Insecure = False,
    tls_cert: Certificate = None,
    tls_key: Key = None,
    tls_client_ca: ClientCa = None,
    grace_seconds: Annotated[
        float | None, DURATION(help="How long requests may go on after a stop (PGQ_GRACE_SECONDS, 25).")
    ] = None,
    log_format: LogFormat = None,
    log_level: LogLevel = None,
) -> int:
    """Serve the HTTP API, until SIGTERM or Ctrl-C: its pages are at /docs, its document at /openapi.json.

    It may start before the database is there, or migrated. With several processes, they are supervised by one more,
    which starts those again that die.
    """
    from pgq.api.server import bind, refuse_open_doors, serve, tls
    from pgq.supervisor.job import Job
    from pgq.supervisor.link import link_to_supervisor
    from pgq.supervisor.supervisor import supervise
    from pgq.up import LISTENING

    settings = session.settings(
        host=host,
        port=port,
        api_processes=processes,
        auth=auth,
        insecure=insecure or None,
        tls_cert=tls_cert,
        tls_key=tls_key,
        tls_client_ca=tls_client_ca,
        grace_seconds=grace_seconds,
        log_format=log_format or ("json" if session.json else None),
        log_level=log_level,
    )
    configure(style=settings.log_format, level=settings.log_level)
    supervisor, given = link_to_supervisor(), os.environ.pop(LISTENING, None)
    if supervisor is None or given is None:
        refuse_open_doors(settings, embedded=settings.database_url is None)
        tls(settings)  # what is wrong with it is said once
        listening = bind(settings)
    else:
        os.set_inheritable(int(given), False)
        listening = socket.socket(fileno=int(given))
    conninfo = session.conninfo()
    with listening:
        if supervisor is None and settings.api_processes > 1 and session.command:
            file = listening.fileno()
            jobs = [
                Job(f"API process {number}", session.command, {LISTENING: str(file)}, [file])
                for number in range(1, settings.api_processes + 1)
            ]
            return supervise(jobs, grace=settings.grace_seconds)
        return serve(settings, conninfo=conninfo, listening=listening, supervisor=supervisor)
