"""One step of a command: a line while it runs, its output only when it fails."""

import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TAIL_LINES = 40


class StepFailed(Exception):
    """A step's program exited with an error; carries what it printed."""

    def __init__(self, command: Sequence[str], output: str) -> None:
        super().__init__(f"failed: {shlex.join(command)}")
        self.output = output

    @property
    def tail(self) -> str:
        """The end of the program's output, where the reason stands."""
        return "\n".join(self.output.rstrip().splitlines()[-TAIL_LINES:])


def say(line: str) -> None:
    """Print a line of progress to stderr; stdout belongs to the programs that are run."""
    print(line, file=sys.stderr, flush=True)


def step(doing: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Run a program in the project's folder; prints `doing` and the seconds that it took.

    `environment` is the program's whole environment; by default this process's own.
    Raises StepFailed when the program exits with an error or cannot be started.
    """
    print(f"{doing} ... ", end="", file=sys.stderr, flush=True)
    started = time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        say("failed")
        raise StepFailed(command, str(error)) from error
    if done.returncode != 0:
        say("failed")
        raise StepFailed(command, done.stdout)
    say(f"{time.monotonic() - started:.1f} s")
