"""`pgq worker` as a whole: a supervisor, and workers that come back when they die and go when they are told."""

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.process.test_stop import nothing_is_left
from tests.tasks import Tasks, tasks_of
from tests.until import until
from tests.workers import LONG_LEASE, ROOT, Fleet

APP = "tests.process.work_app"


def pids_of(tasks: Tasks) -> list[int]:
    """The worker processes, by the table of workers."""
    return [row[0] for row in tasks.connection.execute("SELECT pid FROM pgq.workers ORDER BY pid")]


def test_a_process_that_dies_is_started_again(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        whole = fleet.start(APP, whole=True)
        assert tasks.ended(tasks.submit("work")).result["pid"] != whole.pid
        (victim,) = pids_of(tasks)
        os.kill(victim, signal.SIGKILL)
        again = tasks.ended(tasks.submit("work"))

        assert f"worker process 1 ({victim}) ended with signal 9 (SIGKILL); starting it again" in whole.said()
        assert again.result["pid"] not in (victim, whole.pid)
        whole.tell_to_stop()
        assert whole.exit_code() == 0


def test_a_task_that_kills_its_workers_ends_in_the_dead_letters_and_the_worker_stays(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        task = tasks.submit("kill_own_worker", attempts=1)
        whole = fleet.start(APP, whole=True, lease_seconds=1)
        assert tasks.ended(task).state == "dead"
        assert tasks.ended(tasks.submit("echo", value="still here")).result == "still here"
        assert whole.lives


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_all_processes_finish_what_they_run_when_told_once(
    fleet: Fleet, tmp_path: Path, number: signal.Signals
) -> None:
    go_on = tmp_path / "go-on"
    with tasks_of(fleet.conninfo) as tasks:
        ids = tasks.submit_many("hold", 2, until_exists=str(go_on))
        whole = fleet.start(APP, "--processes", "2", whole=True, concurrency=1)
        fleet.until("start", 2)
        assert len(pids_of(tasks)) == 2
        whole.process.send_signal(number)
        until(lambda: whole.said().count("stopping:") == 2, "both to hear it")
        go_on.touch()

        assert whole.exit_code() == 0
        assert {row.state for row in tasks.rows(*ids).values()} == {"succeeded"}
        assert len({event.pid for event in fleet.outside.events("start")} - {whole.pid}) == 2
        assert nothing_is_left(tasks)


def test_told_twice_all_processes_hand_back_at_once(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        ids = tasks.submit_many("work", 2, seconds=600)
        whole = fleet.start(APP, whole=True, processes=2, concurrency=1, grace_seconds=3600, lease_seconds=LONG_LEASE)
        fleet.until("start", 2)
        whole.tell_to_stop()
        until(lambda: whole.said().count("stopping:") == 2, "both to hear it")
        assert whole.lives
        whole.tell_to_stop()

        assert whole.exit_code() == 0
        assert {(row.state, row.attempt) for row in tasks.rows(*ids).values()} == {("pending", 0)}
        assert nothing_is_left(tasks)


def test_without_their_supervisor_processes_finish_what_they_run_and_end(fleet: Fleet, tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    with tasks_of(fleet.conninfo) as tasks:
        ids = tasks.submit_many("hold", 2, until_exists=str(go_on))
        whole = fleet.start(APP, whole=True, processes=2, concurrency=1)
        fleet.until("start", 2)
        pids = pids_of(tasks)
        whole.process.kill()

        assert whole.exit_code() == -signal.SIGKILL
        until(lambda: whole.said().count("the supervisor has gone") == 2, "both to notice")
        go_on.touch()
        until(lambda: nothing_is_left(tasks), "the workers to leave")
        assert {row.state for row in tasks.rows(*ids).values()} == {"succeeded"}
        until(lambda: not any(is_alive(pid) for pid in pids), "the workers to end")


def is_alive(pid: int) -> bool:
    stat = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(stat.strip()) and not stat.startswith("Z")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("tests.process.no_such_module",), 1, "there is no module 'tests.process.no_such_module'"),
        ((APP, "-q", "a:b"), 2, "a queue must look like"),
        ((APP, "--processes", "0"), 2, "--processes"),
        (("tests.process.test_stop",), 1, "has no pgq.App"),
    ],
)
def test_what_no_restart_can_mend_ends_it_at_once_and_is_said_once(
    fleet: Fleet, words: tuple[str, ...], code: int, said: str
) -> None:
    settings = {} if "--processes" in words else {"processes": 3}
    whole = fleet.start(*words, whole=True, **settings)

    assert whole.exit_code() == code
    assert whole.said().count(said) == 1, whole.said()
    assert "starting it again" not in whole.said()


def test_ctrl_c_in_a_terminal_is_heard_once_by_everybody(fleet: Fleet, tmp_path: Path) -> None:
    """The terminal signals all that runs in its foreground: a worker that heard it twice would hand back its tasks."""
    with tasks_of(fleet.conninfo) as tasks:
        go_on = tmp_path / "go-on"
        task = tasks.submit("hold", until_exists=str(go_on))
        said = tmp_path / "terminal.log"
        ours, theirs = pty.openpty()
        with said.open("wb") as output:
            whole = subprocess.Popen(
                [sys.executable, "-m", "pgq", "worker", APP],
                cwd=ROOT,
                env={**os.environ, **fleet.environment()},
                stdin=theirs,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # the terminal signals this process group
            )
        os.close(theirs)
        fleet.until("start", 1)
        os.write(ours, b"\x03")
        until(lambda: "stopping" in said.read_text(), "the worker to hear it")
        go_on.touch()
        until(lambda: whole.poll() is not None, lambda: f"the end; it said:\n{said.read_text()}")
        os.close(ours)

        assert whole.returncode == 0, said.read_text()
        assert tasks.row(task).state == "succeeded"
        assert "stopping at once" not in said.read_text()
