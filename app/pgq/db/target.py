"""Which database a command works on: the one that PGQ_DATABASE_URL names, or a local server that is up already."""

from collections.abc import Callable
from pathlib import Path

from pgq.db.embedded import EmbeddedServer
from pgq.db.url import conninfo
from pgq.values.errors import SettingsError


def find_database(url: str | None, data_dir: Path, say: Callable[[str], None]) -> str:
    """The conninfo for `url`; without one, that of the embedded server running in `data_dir`, said in one line.

    Never starts a server. Raises SettingsError when there is neither, or when `url` cannot be read.
    """
    if url:
        return conninfo(url)
    attached = EmbeddedServer(data_dir).attach()
    if attached is None:
        raise SettingsError("PGQ_DATABASE_URL is not set; for a local server run 'pgq up'")
    say(f"PGQ_DATABASE_URL is not set: using the local server in {data_dir}")
    return attached
