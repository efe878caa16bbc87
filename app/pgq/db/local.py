"""The local database: started when nobody named another one, and stopped by whoever started it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pgq.db.embedded import EmbeddedServer, Started


@contextmanager
def local_database(data_dir: Path, say: Callable[[str], None] = lambda _: None) -> Iterator[Started]:
    """Start the embedded server, or find it running, and migrate it.

    At the end it is stopped, if it was started here and no other process uses it: close your own connections before.
    Raises SettingsError, SchemaError, DatabaseUnavailable.
    """
    from pgq.db.migrate import upgrade  # Alembic and SQLAlchemy: a worker does without, and starts in half the time

    server = EmbeddedServer(data_dir)
    local = server.start()
    try:
        upgrade(local.conninfo)
        yield local
    finally:
        if local.started and not server.stop_if_unused():
            say("The local PostgreSQL stays up: another process uses it.")
