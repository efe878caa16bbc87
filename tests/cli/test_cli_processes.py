"""The command as real processes: workers, signals, pipes."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cli import rows
from tests.cli.conftest import start
from tests.until import PATIENCE, until

TASKS = """
import pgq
queue = pgq.App()

@queue.task(queue="sums")
def add(a: int, b: int) -> int:
    return a + b
"""


@pytest.fixture
def env(dsn: str, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "sums_tasks.py").write_text(TASKS)
    return {**os.environ, "PGQ_DATABASE_URL": dsn}


def run(env: dict[str, str], *words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pgq", *words]
    return subprocess.run(
        command, env=env, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=2 * PATIENCE
    )


Begin = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def begin(env: dict[str, str], tmp_path: Path) -> Iterator[Begin]:
    """Starts `pgq …` in a folder with the module `sums_tasks`; what still runs is ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: object) -> "subprocess.Popen[str]":
        started.append(start(*words, env=env, cwd=tmp_path))
        return started[-1]

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def worker(begin: Begin) -> Begin:
    """Starts `pgq worker …` there."""
    return partial(begin, "worker")


def next_state(process: "subprocess.Popen[str]") -> str:
    """What a watch tells next of its task."""
    assert process.stdout is not None
    return str(json.loads(process.stdout.readline())["state"])


def test_a_worker_runs_what_is_submitted_and_ends_well_when_told(env: Any, worker: Any, tmp_path: Path) -> None:
    process = worker("sums_tasks", "--concurrency", "2", "--worker-name", "adder")
    done = run(
        env,
        "submit",
        "add",
        '{"a": 1, "b": 2}',
        "--queue",
        "sums",
        "--wait",
        "--wait-timeout",
        f"{PATIENCE:g}",
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, "3\n")
    (listed,) = json.loads(run(env, "workers", "list", "--json", cwd=tmp_path).stdout)
    assert (listed["name"], listed["capacity"], listed["queues"]) == ("adder", 2, ["default", "sums"])
    assert listed["kinds"] == ["add"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    assert json.loads(run(env, "workers", "list", "--json", cwd=tmp_path).stdout) == []


def test_a_worker_without_an_app_has_the_builtin_kinds_and_logs_json(env: Any, worker: Any, tmp_path: Path) -> None:
    process = worker("-q", "other:3", "--json")
    done = run(
        env, "submit", "echo", '{"a": "ü"}', "-q", "other", "--wait", "--wait-timeout", f"{PATIENCE:g}", cwd=tmp_path
    )
    assert json.loads(done.stdout) == {"a": "ü"}
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert all(json.loads(line)["level"] for line in err.splitlines())


def test_builtins_come_beside_the_app(env: Any, worker: Any, tmp_path: Path) -> None:
    worker("sums_tasks:queue", "--builtins")
    assert run(env, "submit", "echo", "--wait", "--wait-timeout", f"{PATIENCE:g}", cwd=tmp_path).stdout == "{}\n"


def test_an_app_that_cannot_be_imported_ends_the_worker_with_its_own_frames(env: Any, tmp_path: Path) -> None:
    (tmp_path / "broken_tasks.py").write_text("import pgq\nx = 1 / 0\n")
    done = run(env, "worker", "broken_tasks", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "ZeroDivisionError" in done.stderr
    assert 'broken_tasks.py", line 2' in done.stderr
    assert "Traceback" not in done.stderr


def test_watch_prints_each_change_until_the_end(begin: Begin, dsn: str) -> None:
    with rows.connected(dsn) as connection:
        task_id = rows.submitted(connection)
        process = begin("status", task_id, "--watch", "--json")
        told = [next_state(process)]
        rows.start(connection, task_id)
        told.append(next_state(process))
        rows.move_to_history(connection, task_id, "succeeded", None)
        out, _ = process.communicate(timeout=PATIENCE)
    told += [json.loads(line)["state"] for line in out.splitlines()]
    assert (process.returncode, told) == (0, ["pending", "running", "succeeded"])


def test_ctrl_c_ends_a_watch_quietly_with_130(begin: Begin, dsn: str) -> None:
    with rows.connected(dsn) as connection:
        task_id = rows.submitted(connection)
    process = begin("status", task_id, "--watch", "--json")
    assert next_state(process) == "pending"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (130, "")


def test_a_closed_pipe_is_no_error_to_talk_about(begin: Begin, dsn: str) -> None:
    with rows.connected(dsn) as connection:
        connection.execute(
            "INSERT INTO pgq.tasks (kind, payload) SELECT 'echo', jsonb_build_object('x', repeat('x', 9000))"
            " FROM generate_series(1, 100)"
        )
    process = begin("tasks", "list", "--limit", "100", "--json")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (141, "")


def test_a_watch_outlives_a_lost_connection(begin: Begin, dsn: str) -> None:
    with rows.connected(dsn) as connection:
        task_id = rows.submitted(connection)
        process = begin("status", task_id, "--watch", "--json")
        assert next_state(process) == "pending"
        ended = connection.execute(
            "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        ).fetchall()
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> ALL (%s)"
        known = [pid for pid, _ in ended] + [connection.info.backend_pid]
        until(lambda: connection.execute(others, [known]).fetchone() != (0,), "the watch to come back")
        rows.move_to_history(connection, task_id, "succeeded", None)
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert json.loads(out.splitlines()[-1])["state"] == "succeeded"


def test_a_terminal_that_speaks_ascii_gets_json_all_the_same(env: Any, tmp_path: Path) -> None:
    done = run({**env, "PYTHONIOENCODING": "ascii"}, "submit", "echo", '{"a": "ü"}', "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["payload"] == {"a": "ü"}


def test_up_runs_tasks_with_nothing_set_and_takes_its_server_along(tmp_path: Path) -> None:
    env = {**os.environ, "PGQ_DATA_DIR": str(tmp_path / "postgres"), "PGQ_PORT": "0"}
    env.pop("PGQ_DATABASE_URL", None)
    up = start("up", env=env, cwd=tmp_path)
    try:
        deadline = time.monotonic() + 2 * PATIENCE
        while (done := run(env, "submit", "echo", '{"a": 1}', "--wait", cwd=tmp_path)).returncode == 1:
            assert up.poll() is None, up.communicate()
            assert time.monotonic() < deadline, done.stderr
            time.sleep(0.2)
        assert (done.returncode, done.stdout) == (0, '{"a": 1}\n')
        assert "using the local server" in done.stderr
        up.send_signal(signal.SIGINT)
        out, err = up.communicate(timeout=PATIENCE)
        assert (up.returncode, out) == (0, "")
        assert "/docs" in err
        gone = run(env, "tasks", "list", cwd=tmp_path)
        assert "run 'pgq up'" in gone.stderr
    finally:
        if up.poll() is None:
            up.kill()
            up.communicate()


def on_a_terminal(env: dict[str, str], *words: str, cwd: Path, answer: str = "") -> tuple[int, str]:
    """Run a command whose stdin, stdout and stderr are a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    command = [sys.executable, "-m", "pgq", *words]
    process = subprocess.Popen(
        command,
        env={**env, "TERM": "xterm"},
        cwd=cwd,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            said += os.read(ours, 65_536)
        except OSError:  # the other end is closed
            break
        if answer and b"[y/N]" in said:
            os.write(ours, answer.encode())
            answer = ""
    os.close(ours)
    return process.wait(PATIENCE), said.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colours_and_lines_that_fit(env: Any, dsn: str, tmp_path: Path) -> None:
    with rows.connected(dsn) as connection:
        rows.dead(connection, message="x" * 500)
    _, coloured = on_a_terminal(env, "tasks", "list", cwd=tmp_path)
    assert "\x1b[31mdead" in coloured
    _, plain = on_a_terminal({**env, "NO_COLOR": "1"}, "dlq", "list", cwd=tmp_path)
    assert "\x1b" not in plain
    assert max(map(len, plain.splitlines())) <= 112


@pytest.mark.parametrize(("answer", "code", "left"), [("n\n", 1, 1), ("\n", 1, 1), ("\x04", 130, 1), ("y\n", 0, 0)])
def test_on_a_terminal_a_verb_by_filter_asks(
    env: Any, dsn: str, tmp_path: Path, answer: str, code: int, left: int
) -> None:
    with rows.connected(dsn) as connection:
        rows.dead(connection)
        ended, said = on_a_terminal(env, "dlq", "purge", "--all", cwd=tmp_path, answer=answer)
        assert ended == code, said
        assert "Purge 1 dead letter? [y/N]" in said
        assert connection.execute("SELECT count(*) FROM pgq.dead_tasks").fetchone() == (left,)
