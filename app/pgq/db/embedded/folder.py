"""The folder that an embedded server lives in, and the two locks by which processes share it.

data/       PostgreSQL's own folder, with its log in data/log/
pgpass      the password, for libpq; only the owner of this folder can read it
lock        held while a server is made, started or stopped
in-use      held, shared, by every process that uses the server: the last one may stop it
start.log   what the server said while it started last
"""

import fcntl
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pgq.values.errors import SettingsError

USER = "pgq"

_users: dict[Path, int] = {}
_users_guard = threading.Lock()


@dataclass(frozen=True)
class Folder:
    """Paths below `root`, an absolute path."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def passfile(self) -> Path:
        return self.root / "pgpass"

    @property
    def start_log(self) -> Path:
        return self.root / "start.log"

    def prepare(self, mode: int = 0o700) -> None:
        """Make the folder, closed to others; raises SettingsError when it is not ours or serves another purpose."""
        try:
            self.root.parent.mkdir(parents=True, exist_ok=True)
            self.root.mkdir(mode=mode, exist_ok=True)
            self.check_owner()
            entries = {entry.name for entry in self.root.iterdir()} - {"lost+found"}
        except OSError as error:
            raise SettingsError(
                f"cannot keep a database in {self.root}: {error.strerror}; set PGQ_DATA_DIR to another folder"
            ) from None
        if entries and "lock" not in entries:
            raise SettingsError(
                f"{self.root} is not empty and was not made by pgq; set PGQ_DATA_DIR to a new folder, "
                "or PGQ_DATABASE_URL to reach a server that keeps its data there"
            )
        self.root.chmod(mode)

    def made(self) -> bool:
        """Whether a server has been, or is being, made here; raises SettingsError when that is another user's."""
        if not self.root.exists():
            return False
        self.check_owner()
        return (self.root / "lock").exists()

    def check_owner(self) -> None:
        """Raise SettingsError when the folder belongs to another user: root too leaves it to him."""
        owner = self.root.stat().st_uid
        if owner != os.geteuid():
            raise SettingsError(
                f"{self.root} belongs to user {owner}, not to you (user {os.geteuid()}); "
                "run pgq as that user, or set PGQ_DATA_DIR to another folder"
            )

    def password(self) -> str:
        """The server's password, made at the first call; in libpq's format, so that no URL has to hold it."""
        if not self.passfile.exists():
            temporary = self.passfile.with_suffix(".new")
            temporary.unlink(missing_ok=True)
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(f"*:*:*:{USER}:{secrets.token_urlsafe(32)}\n")
                os.fsync(file.fileno())
            temporary.rename(self.passfile)
        return self.passfile.read_text().strip().rpartition(":")[2]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder alone: nobody else makes, starts or stops a server meanwhile. Waits for its turn."""
        lock = self._open("lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def join_users(self) -> None:
        """Count this process among the server's users until it ends, however it ends, or leaves."""
        with _users_guard:
            if self.root not in _users:
                _users[self.root] = use = self._open("in-use")
                fcntl.flock(use, fcntl.LOCK_SH)

    def leave_users(self) -> bool:
        """Count this process no longer; True when no other is left."""
        with _users_guard:
            if (use := _users.pop(self.root, None)) is not None:
                os.close(use)  # not LOCK_UN: that would also speak for forked children, which hold the same lock
        probe = self._open("in-use")
        try:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(probe)
        return True

    def _open(self, name: str) -> int:
        return os.open(self.root / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
