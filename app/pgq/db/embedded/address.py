"""How clients reach the server: a Unix socket in its data folder, and the password in a file that libpq reads."""

import hashlib
import os
import stat
from pathlib import Path

from platformdirs import user_cache_path
from psycopg.conninfo import make_conninfo

from pgq.db.embedded.folder import USER, Folder
from pgq.db.url import conninfo
from pgq.values.errors import SettingsError

PORT = 5432
LONGEST = 103
"""Bytes in a socket's path: macOS allows 103, Linux 107."""


def server_conninfo(folder: Folder, dbname: str = USER) -> str:
    """The libpq connection string. It holds no secret: it names the file that does."""
    host = socket_folder(folder.data)
    return conninfo(make_conninfo(host=str(host), port=PORT, user=USER, dbname=dbname, passfile=str(folder.passfile)))


def socket_folder(data: Path) -> Path:
    """`data`, where the server's socket is, or a short link to it if the socket's path is too long for the system.

    The server itself binds the socket by a path relative to `data`, so its length matters to clients only.
    Raises SettingsError when no link can be made either.
    """
    if _fits(data):
        return data
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    for parent in (user_cache_path("pgq"), Path(f"/tmp/pgq-{os.geteuid()}")):  # noqa: S108 - its owner is checked
        link = parent / name
        if _fits(link) and _is_ours(parent):
            _point(link, data)
            return link
    raise SettingsError(f"the path {data} is too long for a socket; set PGQ_DATA_DIR to a shorter one")


def _fits(host: Path) -> bool:
    return len(os.fsencode(host / f".s.PGSQL.{PORT}")) <= LONGEST


def _is_ours(parent: Path) -> bool:
    """Make `parent` if need be; whether it is a real folder of ours that others cannot write to."""
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = parent.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid() and not state.st_mode & 0o022


def _point(link: Path, data: Path) -> None:
    if link.is_symlink() and link.readlink() == data:
        return
    temporary = link.with_name(f"{link.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(data)
    temporary.replace(link)
