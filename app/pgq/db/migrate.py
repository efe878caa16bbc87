"""The schema's revisions: upgrade, downgrade, print, and tell whether a database fits this version of pgq."""

import io
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Literal

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.exc import OperationalError

from pgq.db.revision import current_revision, refuse_foreign_schema
from pgq.db.sql import sql
from pgq.db.target import find_database
from pgq.values.errors import DatabaseUnavailable, SchemaError
from pgq.values.settings import load_settings

LOCK_TRIES = 30
BETWEEN_TRIES = 0.2

MIGRATOR = r"-c lock_timeout=2s -c default_transaction_isolation=read\ committed"


def migrations_config() -> Config:
    """Alembic's configuration: inside the wheel, or at the top of the checkout that this package lies in."""
    package = Path(str(files("pgq")))
    for place in (package, package.parents[1]):
        if (place / "migrations").is_dir() and (place / "alembic.ini").is_file():
            return Config(str(place / "alembic.ini"))
    raise SchemaError(f"the migrations are missing beside {package}; install pgq-tasks again")


def statements_of(revision: str, part: Literal["up", "down", "partition"]) -> list[str]:
    """The SQL files of a revision, in the order of their names."""
    folder = Path(str(migrations_config().get_main_option("script_location"))) / "sql" / revision / part
    return [file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.sql"))]


def head_revision() -> str:
    """The newest revision that this version of pgq knows."""
    head = ScriptDirectory.from_config(migrations_config()).get_current_head()
    assert head is not None
    return head


def known_revisions() -> set[str]:
    """All revisions that this version of pgq knows."""
    return {script.revision for script in ScriptDirectory.from_config(migrations_config()).walk_revisions()}


def upgrade(conninfo: str, revision: str = "head", wait_seconds: float = 0) -> str:
    """Bring the schema to `revision`; answers the revision that the database has then.

    Safe from many processes at once: one migrates, the others wait and find it done. Waits up to `wait_seconds` for the
    database to answer. Raises SchemaError for a schema that pgq did not make or that a newer pgq made, and
    DatabaseUnavailable.
    """
    wait_for_database(conninfo, wait_seconds)
    run(conninfo, lambda config: command.upgrade(config, revision))
    with psycopg.connect(conninfo) as connection:
        return current_revision(connection) or "base"


def downgrade(conninfo: str, revision: str) -> None:
    """Take the schema back to `revision`; `base` removes all of pgq's tables and what is in them."""
    run(conninfo, lambda config: command.downgrade(config, revision))


def upgrade_sql(revision: str = "head") -> str:
    """The statements of an upgrade from nothing, for people who run them by other means."""
    config = migrations_config()
    config.output_buffer = io.StringIO()
    command.upgrade(config, revision, sql=True)
    return config.output_buffer.getvalue()


def refuse_newer(revision: str | None) -> None:
    """Raise SchemaError when a newer pgq has migrated the database: this one would not know what it touches."""
    if revision is not None and revision not in known_revisions():
        raise SchemaError(
            f"the database is at revision {revision}, which this version of pgq does not know; upgrade pgq-tasks first"
        )


@contextmanager
def migrating(conninfo: str) -> Iterator[Connection]:
    """A connection for Alembic, while this process is the only migrator of a database where pgq may migrate.

    It waits for no table lock longer than two seconds, so that it never queues the workers behind it.
    """
    with psycopg.connect(conninfo, autocommit=True) as watch:
        be_the_only_one(watch)
        refuse_foreign_schema(watch)
        refuse_newer(current_revision(watch))
        watch.execute(sql("create_schema"))
        engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: psycopg.connect(conninfo, options=MIGRATOR),
            poolclass=NullPool,
        )
        with engine.connect() as connection:
            yield connection
            connection.commit()


def be_the_only_one(watch: psycopg.Connection[tuple[bool]]) -> None:
    """Return once no other process migrates."""
    while watch.execute(sql("lock_migrators")).fetchone() != (True,):
        time.sleep(0.1)


def run(conninfo: str, action: Callable[[Config], None]) -> None:
    """Run an Alembic command; again when a table was locked by others for too long."""
    for tries_left in reversed(range(LOCK_TRIES)):
        try:
            with migrating(conninfo) as connection:
                config = migrations_config()
                config.attributes["connection"] = connection
                action(config)
            return
        except OperationalError as error:
            if not (tries_left and isinstance(error.orig, psycopg.errors.LockNotAvailable)):
                raise
            time.sleep(BETWEEN_TRIES)


def wait_for_database(conninfo: str, wait_seconds: float) -> None:
    """Return once the database answers; raise DatabaseUnavailable when it has not within `wait_seconds`."""
    patience = time.monotonic() + wait_seconds
    while True:
        try:
            psycopg.connect(conninfo).close()
            return
        except psycopg.OperationalError as error:
            if time.monotonic() >= patience:
                raise DatabaseUnavailable(f"the database does not answer: {error}") from error
            time.sleep(0.5)


def configured_conninfo() -> str:
    """Where the settings say the database is: for the `alembic` command, which pgq does not start."""
    settings = load_settings()
    url = settings.database_url.get_secret_value() if settings.database_url else None
    return find_database(url, settings.data_dir, lambda line: print(line, file=sys.stderr))  # noqa: T201


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Alembic compares the schema pgq only."""
    return name == "pgq" if kind == "schema" else True


def is_compared(_thing: object, name: str | None, kind: str, reflected: bool, _other: object) -> bool:
    """Partitions and Alembic's own table are not in the metadata."""
    return not (
        kind == "table" and reflected and name is not None and (name[-8:].isdigit() or name == "alembic_version")
    )
