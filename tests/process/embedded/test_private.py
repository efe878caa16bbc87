"""The embedded server: what it gives, and to whom."""

import os
import pwd
import stat
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from pgq.db.embedded import EmbeddedServer
from pgq.db.embedded.account import server_account
from pgq.db.embedded.binaries import find_binaries, usable_by
from pgq.values.errors import SettingsError
from tests.embedded import BECOME_NOBODY, NOBODY, QUICK, answer, needs_root, postmaster, python, value

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
