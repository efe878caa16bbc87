"""Everything in one command: a local server when no database is named, its schema, the API and a worker."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from pgq.api.server import address_of, bind, refuse_open_doors
from pgq.client.app import App
from pgq.db.local import local_database
from pgq.db.url import conninfo
from pgq.supervisor.job import Job
from pgq.supervisor.supervisor import supervise
from pgq.values.settings import Settings

LISTENING = "PGQ_LISTENING_FD"
"""Names the socket that a supervisor has opened for its API processes. Internal."""


def up(
    settings: Settings,
    app: App | None,
    *,
    worker: Sequence[str],
    environment: Mapping[str, str],
    migrate: bool,
    say: Callable[[str], None],
) -> int:
    """Run the API and a worker in processes of their own until SIGTERM or SIGINT; answers the exit code.

    A database that is named, in the settings or by the app, is migrated only when asked to, past the pooler if there is
    one. Without one a local server is started, and stopped again at the end, unless another process uses it. `worker`
    are the words of its command, `environment` the settings that both get.
    """
    with bind(settings) as listening, database(settings, app, migrate=migrate, say=say) as address:
        url = address_of(settings, listening)
        say(f"The API is at {url}, to be tried out at {url}/docs")
        say("""A worker is running. In another terminal: pgq submit echo '{"hello": "world"}' --wait""")
        say("Ctrl-C stops all of it.")
        given = {**environment, "PGQ_DATABASE_URL": address}
        command = [sys.executable, "-m", "pgq"]
        api = Job("API", [*command, "api"], {**given, LISTENING: str(listening.fileno())}, [listening.fileno()])
        return supervise([api, Job("worker", [*command, *worker], given)], grace=settings.grace_seconds)


@contextmanager
def database(settings: Settings, app: App | None, *, migrate: bool, say: Callable[[str], None]) -> Iterator[str]:
    """Where the database is, for as long as the block runs."""
    url = settings.database_url.get_secret_value() if settings.database_url else app.database_url if app else None
    refuse_open_doors(settings, embedded=url is None)
    if url is not None:
        if migrate:
            from pgq.db.migrate import upgrade  # as in pgq.db.local

            direct = settings.direct_url.get_secret_value() if settings.direct_url else url
            say(f"schema at revision {upgrade(conninfo(direct))}")
        yield conninfo(url)
        return
    with local_database(settings.data_dir, say) as local:
        say(f"{'Started' if local.started else 'Using'} the local PostgreSQL in {settings.data_dir}.")
        yield local.conninfo
