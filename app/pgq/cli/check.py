"""`pgq check`: is everything in place to run? Looks, changes nothing."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import typer

from pgq.cli.command import command
from pgq.cli.failures import FAILED, words_for
from pgq.cli.loading import load_app
from pgq.cli.output import clean, show, show_json
from pgq.cli.processes import AppName
from pgq.cli.session import Session
from pgq.values.errors import SchemaError, SettingsError

if TYPE_CHECKING:
    from psycopg import Connection

    from pgq.values.settings import Settings

DAYS_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check: in words, with the remedy when it is bad."""

    check: str
    ok: bool
    detail: str


def add_to(app: typer.Typer) -> None:
    command(app, "check")(check)


def check(session: Session, app: AppName = None) -> int | None:
    """Check settings, app, handlers, the database's revision and its partitions; exit 1 if one of them is bad."""
    findings = list(all_findings(session, app))
    good = all(finding.ok for finding in findings)
    if session.json:
        show_json({"ok": good, "checks": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            show(f"{'ok' if finding.ok else 'FAILED':<6}  {finding.check:<10}  {clean(finding.detail)}")
    return None if good else FAILED


def all_findings(session: Session, app: str | None) -> Iterator[Finding]:
    """The checks, one after the other; what needs a failed one is left out."""
    settings, finding = settings_of(session, app)
    yield finding
    if settings is None:
        return
    if settings.app:
        yield found("app", lambda: handlers_in_words(settings.app or ""))
    yield from database_findings(session)


def found(name: str, look: Callable[[], str]) -> Finding:
    """The finding of a look that raises when something is bad."""
    try:
        return Finding(name, True, look())
    except Exception as error:
        return Finding(name, False, words_for(error)[0])


def settings_of(session: Session, app: str | None) -> "tuple[Settings | None, Finding]":
    try:
        settings = session.settings(app=app)
    except SettingsError as error:
        return None, Finding("settings", False, str(error))
    return settings, Finding("settings", True, "valid")


def handlers_in_words(name: str) -> str:
    """The app's handlers and schedules. Raises what is wrong with it, hints without a JSON form included."""
    app = load_app(name)
    if not app.handlers:
        raise SettingsError(f"{name} has no handlers; decorate functions with @app.task")
    for handler in app.handlers.values():
        handler.signature  # noqa: B018 (reads the hints)
    handlers = ", ".join(f"{kind} ({handler.declaration.queue})" for kind, handler in sorted(app.handlers.items()))
    schedules = ", ".join(f"{one.name} ({one.cron}, {one.timezone})" for one in app.checked_schedules())
    return f"{name}: {handlers}" + (f"; schedules: {schedules}" if schedules else "")


def database_findings(session: Session) -> Iterator[Finding]:
    try:
        with session.connect() as connection:
            yield Finding("database", True, f"PostgreSQL {connection.info.parameter_status('server_version')}")
            schema = found("schema", lambda: revision_in_words(connection))
            yield schema
            if schema.ok:
                yield found("partitions", lambda: partitions_in_words(connection))
    except Exception as error:
        yield Finding("database", False, words_for(error)[0])


def revision_in_words(connection: "Connection[Any]") -> str:
    """The database's revision. Raises SchemaError unless it is this version's."""
    from pgq.db.migrate import head_revision, refuse_newer
    from pgq.db.revision import current_revision, refuse_foreign_schema

    refuse_foreign_schema(connection)
    current, head = current_revision(connection), head_revision()
    refuse_newer(current)
    if current != head:
        raise SchemaError(f"the database is at revision {current or 'none'}, not {head}; run 'pgq migrate'")
    return f"revision {current}"


def partitions_in_words(connection: "Connection[Any]") -> str:
    """How far ahead partitions are made. Raises SchemaError when it is too little."""
    from pgq.db.overview import days_of_partitions_ahead

    days = days_of_partitions_ahead(connection)
    if days < DAYS_AHEAD:
        ahead = "today's is missing" if days < 0 else f"only {days} days ahead"
        raise SchemaError(f"{ahead}: start a worker, which makes them, or run SELECT pgq.make_partitions()")
    return f"{days} days ahead"
