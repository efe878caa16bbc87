"""A PostgreSQL server of a test's own, to crash and to restart; with fsync on: what it acknowledges must survive."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pgq.db.embedded import EmbeddedServer
from tests.until import until


class RestartableServer:
    """Ends with this process, whatever happens to it."""

    def __init__(self, folder: Path) -> None:
        self.embedded = EmbeddedServer(folder / "postgres", die_with_parent=True)
        self.conninfo = self.embedded.start().conninfo
        self.stopped = False

    def crash(self) -> None:
        """What `pg_ctl stop -m immediate` does: every backend ends at once, and the next start replays the WAL."""
        pid_file = self.embedded.folder.data / "postmaster.pid"
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
        until(lambda: not pid_file.exists(), "the server to end")

    def stop(self) -> None:
        """What `pg_ctl stop -m fast` does: no backend finishes its statement, and nothing has to be replayed."""
        self.embedded.stop()
        self.stopped = True

    def start(self) -> None:
        """Up again; on return it answers."""
        # What ends the server with this process outlives a crash of the server, but not its being stopped.
        (self.embedded if self.stopped else EmbeddedServer(self.embedded.folder.root)).start()
        self.stopped = False


@contextmanager
def restartable_server() -> Iterator[RestartableServer]:
    """One for the block."""
    folder = Path(tempfile.mkdtemp(prefix="pgq-test-"))
    server = RestartableServer(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
