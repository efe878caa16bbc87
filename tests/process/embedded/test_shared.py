"""The embedded server is shared by processes, and still there whatever happened to the one that started it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from pgq.db.embedded import EmbeddedServer
from pgq.db.embedded.account import server_account
from pgq.db.embedded.cluster import postmaster_lives
from tests.embedded import answer, end, postmaster, python, value

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
