"""What a command has to work with: the shared options, the settings, the database."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from pgq.cli.describe import SHOWN_PARENTS
from pgq.cli.output import say
from pgq.client.app import App
from pgq.values.redaction import Redaction
from pgq.values.task import TaskStatus

if TYPE_CHECKING:
    from psycopg import Connection

    from pgq.values.settings import Settings

# psycopg and pydantic-settings are imported when a command needs them: `pgq --help` stays quick.


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a command. `given` are the settings that the command line names; the environment has the others.

    `command` starts this same process again; nothing when another program has called us.
    """

    json: bool = False
    debug: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)
    command: Sequence[str] = ()

    @classmethod
    def of(cls, outer: Self | None, options: Mapping[str, Any]) -> Self:
        """From the options of a command, over those that stood before its name."""
        given = {name: value for name, value in options.items() if value is not None and name not in ("json", "debug")}
        outer = outer or cls()
        flags = outer.json or options["json"], outer.debug or options["debug"]
        return cls(*flags, {**outer.given, **given}, outer.command)

    def settings(self, **more: Any) -> "Settings":
        """All settings; those in `more` that are not None win. Raises SettingsError."""
        from pgq.values.settings import load_settings

        return load_settings(**{**self.given, **{name: value for name, value in more.items() if value is not None}})

    def conninfo(self, *, own: str | None = None, direct: bool = False) -> str:
        """Where the database is. Never starts one; raises SettingsError when there is none.

        `own` is the address that an app names for itself, in place of the environment's; `direct` goes past a pooler.
        """
        from pgq.db.target import find_database

        settings = self.settings(**({} if own is None or "database_url" in self.given else {"database_url": own}))
        url = (settings.direct_url if direct else None) or settings.database_url
        return find_database(url.get_secret_value() if url else None, settings.data_dir, say)

    @contextmanager
    def connect(self) -> "Iterator[Connection[Any]]":
        """A connection in autocommit mode. Raises DatabaseUnavailable or SettingsError."""
        from pgq.db.connect import connect
        from pgq.db.errors import our_errors

        with our_errors():
            connection = connect(self.conninfo())
        with connection:
            yield connection

    def look(self, connection: "Connection[Any]", task_id: UUID) -> TaskStatus:
        """The task as it is now. Raises TaskNotFound."""
        from pgq.client.follow import look
        from pgq.client.links import PsycopgLink
        from pgq.client.run import run

        return self.shown(run(look(task_id), PsycopgLink(connection)))

    def shown(self, task: TaskStatus) -> TaskStatus:
        """The task without what PGQ_REDACT hides."""
        return self.redaction().task(task)

    def failed_attempts(self, connection: "Connection[Any]", task_id: UUID) -> list[dict[str, Any]]:
        """The attempts of a task that failed, without what PGQ_REDACT hides. Raises TaskNotFound."""
        from pgq.client.follow import look
        from pgq.client.links import PsycopgLink
        from pgq.client.run import run
        from pgq.db.overview import failed_attempts

        task, redaction = run(look(task_id), PsycopgLink(connection)), self.redaction()
        found = failed_attempts(connection, task_id)
        return [{**one, "error": redaction.error(one["error"], task)} for one in found]

    def parents(self, connection: "Connection[Any]", task: TaskStatus) -> list[TaskStatus]:
        """What the task depends on, as far as that is still known; the first ones of many."""
        from pgq.db.overview import tasks_by_id

        return [self.shown(parent) for parent in tasks_by_id(connection, task.depends_on[:SHOWN_PARENTS])]

    def redaction(self) -> Redaction:
        """What is hidden of payloads."""
        return Redaction.of(self.settings().redact)

    def app(self) -> App:
        """An App on the database, to submit and follow tasks. Close it."""
        return App(self.conninfo(), pool_size=1)
