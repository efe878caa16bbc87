"""PostgreSQL's data folder: made once, in one step, and checked before each start."""

import os
import shutil
import tempfile
from pathlib import Path

from pgq.db.embedded.account import Account, has_proc
from pgq.db.embedded.binaries import Binaries
from pgq.db.embedded.folder import USER, Folder
from pgq.values.errors import DatabaseUnavailable, SettingsError


def folder_mode() -> int:
    """Closed to others; where root's server has to find its data by name, others may pass through, not look."""
    return 0o711 if os.geteuid() == 0 and not has_proc() else 0o700


def create(folder: Folder, binaries: Binaries, account: Account, *, durable: bool) -> None:
    """Make the data folder: aside, then renamed, so that an interrupted attempt leaves nothing that looks finished.

    Raises DatabaseUnavailable with initdb's own words when it fails. To be called with the folder locked.
    """
    for leftover in folder.root.glob("init-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix="init-", dir=folder.root))
    try:
        work.chmod(folder_mode())
        (work / "data").mkdir(mode=0o700)
        (work / "password").touch(mode=0o600)
        (work / "password").write_text(folder.password())
        maker = account.initdb_account()
        maker.own(work)
        _initdb(binaries, maker, work / "data", durable=durable)
        account.own(work / "data")
        (work / "data").rename(folder.data)
        _sync(folder.root)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _initdb(binaries: Binaries, maker: Account, data: Path, *, durable: bool) -> None:
    with maker.reaching(data) as (name, handles):
        options = [
            *("-D", name, "-U", USER, "-E", "UTF8", "--no-instructions", "--data-checksums"),
            *("--auth=scram-sha-256", f"--pwfile={name}/../password", *(() if durable else ("--no-sync",))),
        ]
        for locale in _locales(binaries.major):
            made = maker.run(binaries / "initdb", *options, *locale, handles=handles)
            if made.ok:
                return
    raise DatabaseUnavailable(f"initdb of PostgreSQL {binaries.major} failed in {data.parent}:\n{made.said}")


def _locales(major: int) -> list[list[str]]:
    """Sorting that no update of the system's libraries changes; by code point everywhere."""
    if major >= 17:
        return [["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]]
    return [["--locale=C.UTF-8"], ["--locale=C"]]


def check_version(folder: Folder, binaries: Binaries) -> None:
    """Raise SettingsError when another major version of PostgreSQL made the data."""
    try:
        made_by = (folder.data / "PG_VERSION").read_text().strip()
    except OSError:
        raise SettingsError(
            f"{folder.data} is damaged: it has no PG_VERSION; move {folder.root} away, or restore it"
        ) from None
    if made_by != str(binaries.major):
        raise SettingsError(
            f"the data in {folder.root} was made by PostgreSQL {made_by}, but {binaries.folder} is "
            f"PostgreSQL {binaries.major}: set PGQ_PG_BINDIR to the bin folder of a PostgreSQL {made_by} "
            "(and move the data over with pg_dump), or PGQ_DATA_DIR to a new folder"
        )


def postmaster_lives(data: Path) -> bool:
    """Whether the server that postmaster.pid speaks of is still there."""
    pid = _postmaster(data)
    return pid is not None and (_works_in(data, pid) if has_proc() else _exists(pid))


def forget_dead_postmaster(data: Path) -> None:
    """Remove a killed server's lock files once another process has its number, for PostgreSQL would not start then.

    That is likely after a restart of a container, where numbers are few. Only if /proc shows that nothing at all works
    in `data`: children outlive a killed server for a moment, and two servers on one folder would ruin it. To be called
    with the folder locked.
    """
    pid = _postmaster(data)
    if pid is None or not has_proc() or not _exists(pid):
        return
    if not any(_works_in(data, int(process.name)) for process in Path("/proc").glob("[0-9]*")):
        for lock in (*data.glob(".s.PGSQL.*.lock"), data / "postmaster.pid"):
            lock.unlink(missing_ok=True)


def _postmaster(data: Path) -> int | None:
    try:
        return int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _works_in(data: Path, pid: int) -> bool:
    """Whether the process has `data` as its working folder, as all of PostgreSQL's have."""
    process = Path("/proc", str(pid))
    try:
        if process.joinpath("stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X"):
            return False  # ended, and not yet reaped by its parent
        return process.joinpath("cwd").samefile(data)
    except PermissionError:  # root in a container may not look; but the server's user runs nothing else
        return process.stat().st_uid == data.stat().st_uid
    except (FileNotFoundError, ProcessLookupError):
        return False


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
