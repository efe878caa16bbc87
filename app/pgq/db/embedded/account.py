"""As whom the server runs. PostgreSQL refuses root, so root has to hand it to another user of the system.

No account is ever made. A user keeps the server to himself. Root gives it to PGQ_PG_OS_USER or to an account called
`pgq`; where neither exists, to a bare number that no account has. That is safer than `nobody`, whom other programs
share: they could read the data, the memory and the password, and end the server. Only `initdb` insists on a name, so it
runs as `nobody`, in a group that nobody else is in and below a folder that only root may enter.
"""

import grp
import os
import pwd
import shlex
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pgq.values.errors import SettingsError

NUMBERS = range(61_184, 65_520)
"""What systemd sets aside for users without a name; also inside the 65,536 numbers that a container usually has."""

KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ")
"""All that the server sees of ours: the rest may hold secrets, or PG… variables that would redirect it."""

LIMIT_SECONDS = 120.0


@dataclass(frozen=True)
class Account:
    """A user and group of the system, by number."""

    uid: int
    gid: int

    @property
    def switches(self) -> dict[str, Any]:
        """What subprocess needs to become this account: nothing, unless we are root."""
        return {"user": self.uid, "group": self.gid, "extra_groups": ()} if os.geteuid() == 0 else {}

    def own(self, path: Path) -> None:
        """Give `path` and all below it to this account; only root does so, and only with what it has just made."""
        if os.geteuid() != 0:
            return
        for folder, folders, files in os.walk(path):
            for name in folders + files:
                os.chown(Path(folder, name), self.uid, self.gid, follow_symlinks=False)
        os.chown(path, self.uid, self.gid)

    def initdb_account(self) -> "Account":
        """Who runs `initdb`, which wants an account with a name: itself, or nobody in this account's group."""
        try:
            pwd.getpwuid(self.uid)
        except KeyError:
            return replace(self, uid=_named("nobody").pw_uid)
        return self

    def run(self, *command: str | Path, output: int = subprocess.PIPE, handles: Sequence[int] = ()) -> "Finished":
        """Run `command` as this account, out of reach of the terminal's Ctrl-C, for at most LIMIT_SECONDS.

        `output` takes what it says, unless that is to be in the answer; `handles` stay open for it. Raises OSError when
        it cannot be run.
        """
        try:
            finished = subprocess.run(
                command, **self.surroundings, pass_fds=handles, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, timeout=LIMIT_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Finished(False, f"{command[0]} took more than {LIMIT_SECONDS:.0f} seconds")
        return Finished(finished.returncode == 0, (finished.stdout or b"").decode(errors="replace").strip())

    def check(self) -> None:
        """Raise SettingsError when the system does not let us become this account (a container with few users)."""
        try:
            self.run("/bin/sh", "-c", ":")
        except OSError as error:
            raise SettingsError(
                f"cannot become user {self.uid} to run PostgreSQL, which refuses root ({error.strerror}): "
                "set PGQ_PG_OS_USER to an account that may, or PGQ_DATABASE_URL to a server elsewhere"
            ) from None

    @property
    def surroundings(self) -> dict[str, Any]:
        """The folder, environment and identity of every process that is started for the server."""
        kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
        return {"cwd": "/", "env": {**kept, "LC_ALL": "C"}, "umask": 0o077, "start_new_session": True, **self.switches}

    @contextmanager
    def reaching(self, folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
        """What commands of this account call `folder`, which it owns, and the handles that they need for that.

        Folders of root's may be closed to the account (all below /root, and ours). On Linux an open handle leads there
        all the same, and leaves the way closed to others.
        """
        if not (self.switches and has_proc()):
            yield str(folder), ()
            return
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{handle}", (handle,)
        finally:
            os.close(handle)


@dataclass(frozen=True)
class Finished:
    """How a command ended: whether well, and what it said."""

    ok: bool
    said: str


def has_proc() -> bool:
    """Whether /proc is there, as on nearly every Linux, to tell about processes and their open folders."""
    return sys.platform == "linux" and Path("/proc/self/fd").exists()


def server_account(data: Path) -> Account:
    """Who runs the server for `data`: whoever owns it, or will own it once it is made.

    Raises SettingsError when PGQ_PG_OS_USER names no account, or another than the owner.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    wanted = _wanted()
    if not data.exists():
        return wanted or _unnamed(str(data))
    owner = Account(data.stat().st_uid, data.stat().st_gid)
    if os.environ.get("PGQ_PG_OS_USER") and wanted and wanted.uid != owner.uid:
        fix = f"unset it, or run: chown -R {wanted.uid}:{wanted.gid} {shlex.quote(str(data))}"
        raise SettingsError(f"PGQ_PG_OS_USER is user {wanted.uid}, but {data} belongs to user {owner.uid}; {fix}")
    return owner


def _wanted() -> Account | None:
    if name := os.environ.get("PGQ_PG_OS_USER"):
        entry = _named(name)
        if entry.pw_uid == 0:
            raise SettingsError("PGQ_PG_OS_USER must not be root: PostgreSQL refuses to run as root")
        return Account(entry.pw_uid, entry.pw_gid)
    try:
        entry = pwd.getpwnam("pgq")
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)


def _named(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise SettingsError(
            f"no user {name!r} on this system; set PGQ_PG_OS_USER to one that may run PostgreSQL"
        ) from None


def _unnamed(seed: str) -> Account:
    """A number without an account; the folder's name decides which, so that two servers seldom share one."""
    first = zlib.crc32(seed.encode())
    taken = {entry.pw_uid for entry in pwd.getpwall()} | {entry.gr_gid for entry in grp.getgrall()}
    for step in range(len(NUMBERS)):
        number = NUMBERS[(first + step) % len(NUMBERS)]
        if number not in taken:
            return Account(number, number)
    raise SettingsError("no free user number for the embedded server; set PGQ_PG_OS_USER to an account for it")
