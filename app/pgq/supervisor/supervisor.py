"""Keeps processes alive, and passes on that they are to stop."""

import asyncio
import contextlib
import logging
import random
import signal
from collections.abc import Sequence

from pgq.supervisor.child import Child, how
from pgq.supervisor.job import Job

log = logging.getLogger("pgq.supervisor")

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
HEALTHY_AFTER = 60.0
"""Seconds of life after which a process's earlier failures count no more."""

MOST_FALSE_STARTS = 5
"""Deaths in a row before a process has begun to work, after which starting it again is no use."""

LAST_RESORT = 20.0
"""Seconds beyond the grace time after which a process that was told to stop is killed."""

CANNOT = 1
STOPPED = (0, -signal.SIGTERM, -signal.SIGINT)
"""How a process ends that was told to stop; by the signal itself, when it had not begun yet."""


def supervise(jobs: Sequence[Job], *, grace: float) -> int:
    """Keep each job's process running until SIGTERM, SIGINT or SIGHUP; answers the exit code.

    `grace` is how many seconds they take at most to finish what they do.
    """
    return asyncio.run(Supervisor(jobs, grace).run())


def same(name: str, command: Sequence[str], processes: int) -> list[Job]:
    """So many processes of one command."""
    return [Job(f"{name} {number}", command) for number in range(1, processes + 1)]


class Supervisor:
    """Starts the processes, starts those again that die, and ends when all of them have ended as they should."""

    def __init__(self, jobs: Sequence[Job], grace: float) -> None:
        self.jobs = jobs
        self.grace = grace
        self.children: set[Child] = set()
        self.first_began = asyncio.Event()
        self.stopping = asyncio.Event()
        self.signals = 0
        self.exit_code = 0

    async def run(self) -> int:
        """Until all processes have ended; 0 after an ordinary stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                loop.add_signal_handler(number, self.stop)
        like_first = [job for job in self.jobs[1:] if job.command == self.jobs[0].command]
        others = [job for job in self.jobs if job not in like_first]
        begun = [asyncio.create_task(self.keep(job)) for job in others]
        await self.first_began.wait()  # what keeps one from starting is said once
        await asyncio.gather(*begun, *(self.keep(job) for job in like_first))
        return self.exit_code

    def stop(self) -> None:
        """Tell all processes to stop; the second time, at once. Two different signals: equal ones could become one."""
        self.stopping.set()
        self.first_began.set()
        self.signals += 1
        for child in self.children:
            child.send(signal.SIGTERM if self.signals == 1 else signal.SIGINT)
        if self.signals <= 2:
            patience = LAST_RESORT + (self.grace if self.signals == 1 else 0)
            asyncio.get_running_loop().call_later(patience, self.kill)

    def kill(self) -> None:
        """The last resort."""
        for child in self.children:
            log.error("process %d does not stop; killing it: its tasks' leases run out", child.process.pid)
            child.send(signal.SIGKILL)

    def fail(self, code: int) -> None:
        """The whole ends with this exit code, the first one that somebody gave."""
        self.exit_code = self.exit_code or code
        if not self.stopping.is_set():
            self.stop()

    async def keep(self, job: Job) -> None:
        """Keep one process running, until it ends as it should or none is wanted."""
        failures = false_starts = 0
        while not self.stopping.is_set():
            child, code = await self.run_one(job)
            if self.stopping.is_set():
                if code not in STOPPED:
                    log.error("%s (%d) ended with %s", job.name, child.process.pid, how(code))
                    self.fail(CANNOT)
            elif code == 0:
                break  # it has drained its queues, or was told to stop by itself
            elif code > 0 and not child.was_ready:
                self.fail(code)  # it has said what is wrong with its settings or its modules
            else:
                false_starts = 0 if child.was_ready else false_starts + 1
                failures = 1 if child.age >= HEALTHY_AFTER else failures + 1
                who = f"{job.name} ({child.process.pid})"
                await self.wait_after(failures, false_starts, f"{who} ended with {how(code)}")

        self.first_began.set()

    async def run_one(self, job: Job) -> tuple[Child, int]:
        """A process, from its start to its end."""
        child = await Child.start(job)
        self.children.add(child)
        if self.stopping.is_set():
            child.send(signal.SIGTERM)
        if not self.first_began.is_set() and await child.begun():
            self.first_began.set()
        code = await child.ended()
        self.children.discard(child)
        return child, code

    async def wait_after(self, failures: int, false_starts: int, what: str) -> None:
        """Wait before a process is started again, longer each time; or give up."""
        if false_starts >= MOST_FALSE_STARTS:
            log.critical("%s before it began to work, the %dth time in a row; giving up", what, false_starts)
            self.fail(CANNOT)
            return
        pause = min(FIRST_WAIT * 2 ** (failures - 1), LONGEST_WAIT) * random.uniform(0.8, 1.2)  # noqa: S311
        log.error("%s; starting it again in %.1f s", what, pause)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), pause)
