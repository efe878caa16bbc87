"""Run tests on a copy of the project, and tell what came of them."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from devtools.step import ROOT

PARTS = ("app", "migrations", "tests", "alembic.ini", "pyproject.toml")
"""What the tests need of the project."""

LONGEST = 900.0
"""Seconds that pytest may take for a twin; no test that catches one should need half a minute."""

LONGEST_UNCHANGED = 3600.0
"""Seconds for all tests of the lists, where no guard is broken."""

PATIENCE = "15"
"""Seconds that a test waits for what must come: what does not come here, comes at once in pgq itself."""

BROKEN = re.compile(r"\b(SyntaxError|IndentationError|NameError|ImportError|ModuleNotFoundError|Undefined\w+)\b")
"""What a change raises that broke more than its guard."""

FAILED = 1

UNDER_WAY: "set[subprocess.Popen[bytes]]" = set()
"""Of each copy's tests: they lead process groups of their own, which no signal to this process reaches."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What pytest found: the first test that failed, and why it does not count if it does not."""

    code: int
    failed: str | None
    objection: str | None
    said: str


def copy_to(tree: Path) -> None:
    """Copy the project, as it lies here, to a new folder; what Python has compiled of it is as good there."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, tree / part)
        else:
            shutil.copy(ROOT / part, tree / part)


def environment(tree: Path, server: str) -> dict[str, str]:
    """The environment of a copy's tests: all processes below them import from the copy, before what is installed."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tree / "app"), str(tree)]),
        "PGQ_TEST_PG": "url",
        "PGQ_TEST_DATABASE_URL": server,
    }


def try_out(tree: Path, tests: Iterable[str], server: str, *options: str, unchanged: bool = False) -> Verdict:
    """Run these tests of a copy, up to the first failure, against the server with this conninfo.

    On an `unchanged` copy they have the time that they have otherwise: there slowness is no guard that is broken.
    """
    report = tree / "report.xml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "--tb=short",
        "-p",
        "no:cacheprovider",
        f"--junitxml={report}",
    ]
    longest = LONGEST_UNCHANGED if unchanged else LONGEST
    variables = environment(tree, server) | ({} if unchanged else {"PGQ_TEST_PATIENCE": PATIENCE})
    code, said = run([*command, *options, *tests], tree, variables, longest)
    if code is None:
        return Verdict(-1, None, f"pytest did not end within {longest:g} s", said)
    failures = [(test, failure) for test in cases(report) if (failure := test.find("failure")) is not None]
    if code != FAILED or not failures:
        errors = any(test.find("error") is not None for test in cases(report))
        return Verdict(code, None, "a fixture failed, no test" if errors else None, said)
    test, failure = failures[0]
    why = f"{failure.get('message')}\n{failure.text}"
    objection = None
    if "from pytest-timeout" in why:
        objection = "it took too long"
    elif mistake := BROKEN.search(failure.get("message") or ""):
        objection = f"the change broke more than its guard: {mistake[0]}"
    return Verdict(code, test.get("name"), objection, said)


def cases(report: Path) -> list[ElementTree.Element]:
    """The tests of a report; none where pytest has not come so far."""
    if not report.exists():
        return []
    return list(ElementTree.parse(report).getroot().iter("testcase"))


def run(command: list[str], folder: Path, variables: Mapping[str, str], longest: float) -> tuple[int | None, str]:
    """A program's exit code and all that it said; None when it had to be ended after the longest time."""
    said = folder / "said.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        UNDER_WAY.add(process)
        code: int | None
        try:
            code = process.wait(longest)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            end(process)
            UNDER_WAY.discard(process)
    return code, said.read_text(errors="replace")


def end(process: "subprocess.Popen[bytes]") -> None:
    """Whatever state it is in: end it, and all that it has started."""
    with suppress(ProcessLookupError):  # nothing is left of it
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end_all() -> None:
    """End what is under way: nobody waits for it any more."""
    for process in list(UNDER_WAY):
        end(process)
