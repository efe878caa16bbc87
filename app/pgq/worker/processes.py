"""Handlers in processes of their own, which can be killed: `executor="process"`."""

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from pgq.values.outcome import Outcome
from pgq.values.parents import Parent
from pgq.values.report import Report
from pgq.values.task import Claimed
from pgq.worker.messages import message, outcome_of, receive, run_message

log = logging.getLogger("pgq.worker")

BEGIN = "import sys; sys.path.append(sys.argv[2]); from pgq.worker.child import main; main(int(sys.argv[1]))"
"""Not `-m`: that would look for Python's own modules in the current folder first, and find somebody's `queue.py`."""

PACKAGES = str(Path(__file__).parents[2])

KEPT_IDLE = 60.0
"""Seconds that a process without work is kept for the next task."""

LAST_WORDS = 2.0
"""Seconds that idle processes get to end by themselves when the worker stops."""


class ProcessDied(Exception):
    """The process ended before its handler did: it was killed, crashed, or the handler ended it."""


class HandlerProcess:
    """One process. It leads a process group: Ctrl-C reaches the worker only, and a kill what handlers started, too."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.process = process
        self.reader = reader
        self.writer = writer
        self.ended = asyncio.ensure_future(process.wait())
        self.retiring: asyncio.TimerHandle | None = None

    @classmethod
    async def start(cls, environment: Mapping[str, str]) -> Self:
        """A new process; it imports a handler's module when it first runs it."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-P", "-c", BEGIN, str(theirs.fileno()), PACKAGES, pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL, process_group=0, env=environment,
                )  # fmt: skip
            reader, writer = await asyncio.open_unix_connection(sock=ours)
        except BaseException:
            ours.close()  # should the process have begun: it ends by that
            raise
        writer.write(message("SetUp", json.dumps({"path": sys.path, "level": logging.getLogger().level})))
        return cls(process, reader, writer)

    @property
    def lives(self) -> bool:
        return not self.ended.done()

    async def run(self, handler: str, task: Claimed, parents: Sequence[Parent], report: Report | None) -> Outcome:
        """What became of the task; `report` hears what it says meanwhile. Raises ProcessDied."""
        self.writer.write(run_message(handler, task, parents))
        answer = asyncio.ensure_future(self.answer(report))
        try:
            await asyncio.wait([answer, self.ended], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait([answer], timeout=LAST_WORDS)  # what it said before it died is still on its way
            if answer.done() and (outcome := answer.result()) is not None:
                return outcome
            await asyncio.wait([self.ended], timeout=LAST_WORDS)
            if self.lives:
                raise ProcessDied("the handler's process closed its connection to the worker")
            raise ProcessDied(f"the handler's process ended {how(self.ended.result())}")
        finally:
            answer.cancel()

    async def answer(self, report: Report | None) -> Outcome | None:
        """What became of the task; None when the process ends without a word. What it says is passed on meanwhile."""
        try:
            while True:
                name, body = await receive(self.reader)
                match name:
                    case "Log":
                        pass_on(logging.makeLogRecord(json.loads(body)))
                    case "Line" if report is not None:
                        report.log(**json.loads(body))
                    case "Progress" if report is not None:
                        report.progress(**json.loads(body))
                    case "Line" | "Progress":
                        pass
                    case _:
                        return outcome_of(name, body)
        except (asyncio.IncompleteReadError, OSError):
            return None

    def kill(self) -> None:
        """End the process and whatever it has started, now."""
        self.writer.close()
        with suppress(ProcessLookupError, PermissionError):  # it has ended already
            os.killpg(self.process.pid, signal.SIGKILL)

    def let_go(self) -> None:
        """Nothing more is to be run: an idle process ends by itself."""
        self.writer.close()


class Processes:
    """The processes of one worker: as many as run at once, started when first needed and then kept for a while.

    An app in them that was given no URL uses the database of the worker, `conninfo`.
    """

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self.all: set[HandlerProcess] = set()
        self.idle: list[HandlerProcess] = []

    async def run(self, handler: str, task: Claimed, parents: Sequence[Parent], report: Report | None) -> Outcome:
        """What became of the task. When the wait is cancelled, the process is killed. Raises ProcessDied, OSError."""
        process = await self.take()
        try:
            outcome = await process.run(handler, task, parents, report)
        except BaseException:
            process.kill()
            raise
        self.keep(process)
        return outcome

    async def take(self) -> HandlerProcess:
        """The process that was used last, or a new one."""
        while self.idle:
            process = self.idle.pop()
            if process.retiring is not None:
                process.retiring.cancel()
            if process.lives:
                return process
        environment = {**os.environ, "PGQ_DATABASE_URL": self.conninfo}
        environment.pop("PGQ_DATABASE_URL_FILE", None)
        process = await HandlerProcess.start(environment)
        self.all.add(process)
        process.ended.add_done_callback(lambda _: self.all.discard(process))
        return process

    def keep(self, process: HandlerProcess) -> None:
        """Keep a process that has done its task."""
        self.idle.append(process)
        process.retiring = asyncio.get_running_loop().call_later(KEPT_IDLE, self.retire, process)

    def retire(self, process: HandlerProcess) -> None:
        """A process that had nothing to do for so long gives its memory back."""
        if process in self.idle:
            self.idle.remove(process)
            process.let_go()

    async def close(self) -> None:
        """End all of them."""
        for process in list(self.idle):
            self.retire(process)
        if endings := {process.ended for process in self.all}:
            await asyncio.wait(endings, timeout=LAST_WORDS)
        for process in list(self.all):
            process.kill()
        if endings := {process.ended for process in self.all}:
            await asyncio.wait(endings, timeout=LAST_WORDS)


def pass_on(record: logging.LogRecord) -> None:
    """Log what a handler's process has logged, where this process wants to hear it."""
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)


def how(code: int) -> str:
    """How a process ended, from its exit code."""
    if code >= 0:
        return f"with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else "a signal"
    hint = "; the system sends it when memory runs out" if -code == signal.SIGKILL else ""
    return f"with signal {-code} ({name}{hint})"
