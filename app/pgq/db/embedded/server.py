"""The embedded server: started when first needed, shared by processes, stopped by the last that wants it gone."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import pq

from pgq.db.embedded.address import PORT, server_conninfo
from pgq.db.embedded.cluster import check_version, create, folder_mode, forget_dead_postmaster, postmaster_lives
from pgq.db.embedded.control import PATIENCE_SECONDS, find_control
from pgq.db.embedded.folder import USER, Folder
from pgq.db.embedded.lifeline import Lifeline
from pgq.db.sql import sql
from pgq.values.errors import DatabaseUnavailable, SettingsError

OPTIONS = {
    "listen_addresses": "",  # the socket only
    "unix_socket_directories": ".",  # relative to the data folder: no path is too long to bind
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "max_connections": "200",
    "shared_buffers": "128MB",
    "autovacuum_naptime": "10s",  # a queue's tables turn over fast
    "timezone": "UTC",
    "logging_collector": "on",  # one file per weekday, overwritten a week later
    "log_directory": "log",
    "log_filename": "%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
}
AFTER_A_CRASH_SECONDS = 5.0
"""The children of a killed server need a moment to go; until then PostgreSQL refuses to start."""


@dataclass(frozen=True)
class Started:
    """`conninfo` holds no secret; `started` is False when a server was running already."""

    conninfo: str
    started: bool


class EmbeddedServer:
    """The PostgreSQL server whose data is kept in `data_dir`.

    `options` are PostgreSQL settings, over OPTIONS; with `fsync` off (tests) the data is not even made durably.
    The server outlives this process, unless `die_with_parent`: then it shuts down when this process has ended in any
    way. Blocking; safe to use from several processes at once.
    """

    def __init__(
        self, data_dir: Path, *, die_with_parent: bool = False, options: Mapping[str, str] | None = None
    ) -> None:
        self.folder = Folder(data_dir.expanduser().resolve())
        self.die_with_parent = die_with_parent
        self.options = {**OPTIONS, **(options or {})}
        self._lifeline: Lifeline | None = None

    def start(self) -> Started:
        """Start the server, or find it running; makes its data and its database at the first start.

        Raises SettingsError (no PostgreSQL, another's folder, another version's data) or DatabaseUnavailable.
        """
        self.folder.prepare(folder_mode())
        with self.folder.locked():
            started = not self._answers() and self._launch()
            self._make_database()
            self.folder.join_users()
            return Started(server_conninfo(self.folder), started)

    def attach(self) -> str | None:
        """The conninfo of a server that runs already, or None; never starts one.

        Waits while another process is starting or stopping it. Raises SettingsError when the folder is another user's.
        """
        if not self.folder.made():
            return None
        with self.folder.locked():
            if not self._answers():
                return None
            self.folder.join_users()
            return server_conninfo(self.folder)

    def stop(self) -> None:
        """Stop the server if it runs, whoever uses it. Raises DatabaseUnavailable when it does not stop."""
        if self.folder.made():
            with self.folder.locked():
                self.folder.leave_users()
                self._stop()

    def stop_if_unused(self) -> bool:
        """Stop the server unless another process uses it; close your own connections first. True when it is down.

        Users are the processes that started it or attached to it and still live, and whoever is connected.
        """
        if not self.folder.made():
            return True
        with self.folder.locked():
            if not self.folder.leave_users() or (self._answers() and self._has_clients()):
                return False
            self._stop()
            return True

    def _launch(self) -> bool:
        """Start the server; False when another one was on its way and is up now."""
        control = find_control(self.folder)
        if not self.folder.data.exists():
            create(self.folder, control.binaries, control.account, durable=self.options.get("fsync") != "off")
        check_version(self.folder, control.binaries)
        if not self.folder.passfile.exists():
            raise SettingsError(f"{self.folder.passfile}, the server's password, is gone: restore it from a backup")
        forget_dead_postmaster(self.folder.data)
        patience = time.monotonic() + AFTER_A_CRASH_SECONDS
        while not control.start(self.options):
            if self._answers():
                return False
            crashed = (self.folder.data / "postmaster.pid").exists()
            if not crashed or time.monotonic() > patience:
                raise DatabaseUnavailable(f"PostgreSQL did not start in {self.folder.root}:\n{control.last_words()}")
            time.sleep(0.2)
            forget_dead_postmaster(self.folder.data)
        if self.die_with_parent:
            self._lifeline = control.lifeline()
        return True

    def _stop(self) -> None:
        if self._lifeline is not None:
            self._lifeline.cut()
            self._lifeline = None
        if self._answers() and (why := find_control(self.folder).stop()) is not None and self._answers():
            raise DatabaseUnavailable(f"the embedded PostgreSQL in {self.folder.root} does not stop:\n{why}")

    def _answers(self) -> bool:
        """Whether a server is up; waits for one that is on its way up or down."""
        address = server_conninfo(self.folder).encode()
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            answer = pq.PGconn.ping(address)
            if answer == pq.Ping.OK:
                return True
            if answer != pq.Ping.REJECT and not postmaster_lives(self.folder.data):
                return False
            time.sleep(0.02)
        raise DatabaseUnavailable(f"the embedded PostgreSQL in {self.folder.root} is not ready; try again in a minute")

    def _make_database(self) -> None:
        try:
            with psycopg.connect(server_conninfo(self.folder, "postgres"), autocommit=True) as connection:
                if connection.execute(sql("embedded_database"), {"name": USER}).fetchone() is None:
                    connection.execute(sql("embedded_create_database"))
                    connection.execute(sql("embedded_search_path"))
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(f"the embedded PostgreSQL in {self.folder.root} refused us: {error}") from error

    def _has_clients(self) -> bool:
        """Whether anybody is connected; backends get a second to go, since our own may just be closing."""
        try:
            with psycopg.connect(server_conninfo(self.folder, "postgres"), autocommit=True) as connection:
                end = time.monotonic() + 1
                while connection.execute(sql("embedded_other_clients")).fetchone() is not None:
                    if time.monotonic() > end:
                        return True
                    time.sleep(0.05)
        except psycopg.OperationalError:  # all connections are taken
            return True
        return False
