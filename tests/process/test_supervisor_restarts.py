"""When a supervisor starts a process again, and when it gives up; the processes are small scripts."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from pgq.supervisor import supervisor as module
from pgq.supervisor.supervisor import Supervisor, same

PRELUDE = """
import os, pathlib, signal, socket, sys, time
count = len(list(pathlib.Path({folder!r}).iterdir()))
pathlib.Path({folder!r}, str(os.getpid())).touch()
def begin():
    os.write(int(os.environ["PGQ_SUPERVISOR_FD"]), b"r")
def die():
    os.kill(os.getpid(), signal.SIGKILL)
"""


class Scripted(Supervisor):
    """A supervisor whose processes run a script; `count` is how many of them began before."""

    def __init__(self, script: str, folder: Path, processes: int = 1, grace: float = 0) -> None:
        self.folder = folder
        command = [sys.executable, "-c", PRELUDE.format(folder=str(folder)) + script]
        super().__init__(same("worker process", command, processes), grace)

    @property
    def started(self) -> int:
        return sum(1 for _ in self.folder.iterdir())


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_WAIT", 0.01)


async def test_a_process_that_keeps_dying_before_it_begins_is_given_up(tmp_path: Path) -> None:
    supervisor = Scripted("die()", tmp_path, processes=3)
    assert await supervisor.run() == 1
    assert supervisor.started == 5, "the first one only: the others have not been tried"


async def test_a_process_that_had_begun_is_started_again_however_often(tmp_path: Path) -> None:
    supervisor = Scripted("begin()\nif count < 8: die() if count % 2 else sys.exit(1)", tmp_path)
    assert await supervisor.run() == 0
    assert supervisor.started == 9


async def test_the_exit_code_of_a_failed_start_is_passed_on_and_the_others_are_stopped(tmp_path: Path) -> None:
    supervisor = Scripted("if count == 1: sys.exit(2)\nbegin()\ntime.sleep(60)", tmp_path, processes=2)
    assert await supervisor.run() == 2
    assert supervisor.started == 2


async def test_the_others_go_on_when_one_dies(tmp_path: Path) -> None:
    script = "begin()\nif count == 1: die()\ntime.sleep(60)"
    supervisor = Scripted(script, tmp_path, processes=2)
    running = asyncio.create_task(supervisor.run())
    async with asyncio.timeout(30):
        while supervisor.started < 3:  # noqa: ASYNC110 (other processes do it)
            await asyncio.sleep(0.01)
    assert not running.done()
    assert len(supervisor.children) == 2
    supervisor.stop()
    assert await running == 0


async def test_a_process_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAST_RESORT", 0.2)
    supervisor = Scripted("signal.signal(signal.SIGTERM, signal.SIG_IGN)\nbegin()\ntime.sleep(60)", tmp_path)
    running = asyncio.create_task(supervisor.run())
    await supervisor.first_began.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(30):
        assert await running == 1


async def test_pauses_between_starts_grow_to_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_WAIT", 1.0)
    pauses = []

    async def no_wait(future: "asyncio.Future[object]", seconds: float) -> None:
        asyncio.ensure_future(future).cancel()
        pauses.append(seconds)

    monkeypatch.setattr("pgq.supervisor.supervisor.asyncio.wait_for", no_wait)
    supervisor = Scripted("", tmp_path)
    for failures in range(1, 9):
        await supervisor.wait_after(failures, 0, "x")
    assert pauses == [pytest.approx(expected, rel=0.2) for expected in (1, 2, 4, 8, 16, 32, 60, 60)]
