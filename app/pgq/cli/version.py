"""`pgq version`."""

import platform
from importlib.metadata import version as version_of

import typer

from pgq.cli.command import command
from pgq.cli.output import show, show_json
from pgq.cli.session import Session
from pgq.values.errors import PgqError
from pgq.values.version import pgq_version

PATIENCE_SECONDS = 2


def add_to(app: typer.Typer) -> None:
    command(app, "version")(version)


def version(session: Session) -> None:
    """Show the versions of pgq, Python, psycopg and, when it can be reached, of the server."""
    versions = {
        "pgq": pgq_version(),
        "python": platform.python_version(),
        "psycopg": version_of("psycopg"),
        "server": server_version(session),
    }
    if session.json:
        show_json(versions)
    else:
        for name, found in versions.items():
            show(f"{name:<8} {found or 'cannot be reached'}")


def server_version(session: Session) -> str | None:
    import psycopg
    from psycopg.conninfo import make_conninfo

    try:
        conninfo = make_conninfo(session.conninfo(), connect_timeout=PATIENCE_SECONDS)
        with psycopg.connect(conninfo) as connection:
            return connection.info.parameter_status("server_version")
    except (PgqError, psycopg.OperationalError):
        return None
