"""The commands of dev.py. Each is one function; the first line of its docstring is its help."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from devtools.environment import BIN, PYTHON, EnvironmentUnusable, ensure, variables
from devtools.step import ROOT, StepFailed, say, step

# What depends on the server's version, run on the oldest supported one that is installed besides the newest.
SERVER_TESTS = ["tests/database", "tests/concurrency", "tests/migrations", "tests/properties", "tests/plans"]
OLDEST_SERVER = 14
SYSTEM_SERVERS = Path("/usr/lib/postgresql")

CHECKED = ["app", "tests", "migrations", "devtools", "examples"]
MOST_LINES = 350


def up(*arguments: str) -> int:
    """Install pgq and run it here: database, migrations and a worker, until Ctrl-C."""
    ensure()
    return _become([str(BIN / "pgq"), "up", *arguments])


def test(*arguments: str) -> int:
    """Install the test tools and run the whole suite; pytest's own arguments may follow."""
    ensure("test")
    return _become(_pytest(*arguments))


def lint() -> int:
    """Check style, formatting, types, the floor plan of imports and the length of files."""
    ensure("lint", "test")  # the tests' types need the tests' tools
    present = [name for name in CHECKED if any((ROOT / name).rglob("*.py"))]
    typed = [name for name in present if name != "migrations"]  # revisions are no importable modules
    checks = {
        "ruff check": [str(PYTHON), "-m", "ruff", "check", "."],
        "ruff format": [str(PYTHON), "-m", "ruff", "format", "--check", "."],
        "mypy": [str(PYTHON), "-m", "mypy", "--explicit-package-bases", "dev.py", *typed],
        "lint-imports": [str(BIN / "lint-imports")],
    }
    failed = [name for name, command in checks.items() if not _passes(name, command)]
    too_long = [path for name in present for path in (ROOT / name).rglob("*.py") if _lines(path) > MOST_LINES]
    for path in too_long:
        say(f"{path.relative_to(ROOT)} has {_lines(path)} lines; the most is {MOST_LINES}. Split it by concern.")
    return 1 if failed or too_long else 0


def twins(*words: str) -> int:
    """Break pgq's guards one by one, each in a copy, and demand that the tests catch it; words choose by name."""
    ensure("test")
    return _become(_twins(*words))


def bench(*arguments: str) -> int:
    """Measure pgq on this machine: pgq bench, whose own arguments may follow."""
    ensure()
    return _become([str(BIN / "pgq"), "bench", *arguments])


def ci() -> int:
    """Do all that a change must pass: lint, the server's tests on the oldest PostgreSQL, twins, the whole suite."""
    linted = lint()
    oldest = _oldest_server()
    if oldest:
        say(f"Server tests on {oldest}")
        present = [name for name in SERVER_TESTS if (ROOT / name).is_dir()]
        on_oldest = subprocess.run(
            _pytest(*present), cwd=ROOT, env={**variables(), "PGQ_PG_BINDIR": str(oldest)}
        ).returncode
    else:
        say(f"No PostgreSQL in {SYSTEM_SERVERS}: the server tests run on the embedded server only.")
        on_oldest = 1 if os.environ.get("CI") else 0  # where it counts, a missing server is no success
    say("Twins: the tests must catch every broken guard")
    uncaught = subprocess.run(_twins(), cwd=ROOT, env=variables()).returncode
    say("The whole suite on the embedded server")
    # Last, so that the output ends with the summary of the whole suite.
    everything = subprocess.run(_pytest(), cwd=ROOT, env=variables()).returncode
    results = {
        "lint": linted,
        "server tests on the oldest PostgreSQL": on_oldest,
        "twins": uncaught,
        "whole suite": everything,
    }
    if failed := [name for name, code in results.items() if code]:
        say(f"Failed: {', '.join(failed)}")
        return 1
    return 0


def help() -> int:
    """List the commands."""
    print("pgq, for developers. Arguments for a command go after it, or into ARGS of make.\n")
    for name, command in COMMANDS.items():
        print(f"  make {name:6} python3 dev.py {name:6} {_summary(command)}")
    print('\nFor example: make test ARGS="tests/unit -k backoff"')
    return 0


COMMANDS: dict[str, Callable[..., int]] = {
    command.__name__: command for command in (up, test, lint, twins, bench, ci, help)
}
WITH_ARGUMENTS = (up, test, twins, bench)


def main(arguments: list[str]) -> int:
    """Run the command that the arguments name; returns the exit code, 2 for a command that does not exist."""
    name, *rest = arguments or ["help"]
    command = help if name in ("-h", "--help") else COMMANDS.get(name)
    if command is None:
        say(f"There is no command {name!r}. There are: {', '.join(COMMANDS)}")
        return 2
    if rest and command not in WITH_ARGUMENTS:
        say(f"{name} takes no arguments")
        return 2
    try:
        return command(*rest)
    except EnvironmentUnusable as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("")
        return 130


def _become(command: list[str]) -> int:
    """Turn this process into the program, so that Ctrl-C and the exit code are the program's own."""
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execve(command[0], command, variables())


def _pytest(*arguments: str) -> list[str]:
    return [str(PYTHON), "-m", "pytest", "-n", "auto", "--maxprocesses", "4", "--dist", "loadgroup", *arguments]


def _twins(*words: str) -> list[str]:
    return [str(PYTHON), "-m", "devtools.twins", *words]


def _passes(name: str, command: list[str]) -> bool:
    try:
        step(name, command, variables())
    except StepFailed as failure:
        say(failure.output.rstrip())
        return False
    return True


def _oldest_server() -> Path | None:
    versions = sorted(
        int(path.parent.parent.name)
        for path in SYSTEM_SERVERS.glob("*/bin/postgres")
        if path.parent.parent.name.isdigit() and int(path.parent.parent.name) >= OLDEST_SERVER
    )
    return SYSTEM_SERVERS / str(versions[0]) / "bin" if versions else None


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _summary(command: Callable[..., int]) -> str:
    return (command.__doc__ or "").splitlines()[0]
