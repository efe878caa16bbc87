"""The command line as a person uses it: in this process for speed, and as a real process where that matters."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection
from typer.testing import CliRunner

from pgq.cli.main import app
from tests.cli import rows


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Pgq = Callable[..., Ended]
Look = Callable[[str], dict[str, Any]]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("PGQ_") and not name.startswith("PGQ_TEST"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PGQ_DATA_DIR", str(tmp_path / "nothing-here"))


@contextmanager
def logging_as_before() -> Iterator[None]:
    """A command sets up the log of its whole process, which here is also that of all later tests."""
    loggers = [logging.getLogger(name) for name in (None, "alembic", "psycopg.pool")]
    before = [(one, one.level, one.handlers[:], one.filters[:]) for one in loggers]
    try:
        yield
    finally:
        for one, level, handlers, filters in before:
            one.setLevel(level)
            one.handlers[:], one.filters[:] = handlers, filters


@pytest.fixture
def pgq_alone() -> Pgq:
    """Runs `pgq …` without a database."""

    def run(*words: object, input: str | None = None) -> Ended:
        with logging_as_before():
            result = CliRunner().invoke(app, [str(word) for word in words], input=input)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def pgq(pgq_alone: Pgq, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Pgq:
    """Runs `pgq …` on a fresh, migrated database."""
    monkeypatch.setenv("PGQ_DATABASE_URL", dsn)
    return pgq_alone


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection[Any]]:
    with rows.connected(dsn) as connection:
        yield connection


@pytest.fixture
def look(pgq: Pgq) -> Look:
    """The finding of one check."""

    def find(check: str) -> dict[str, Any]:
        ended = pgq("doctor", "--json")
        found: dict[str, dict[str, Any]] = {finding["check"]: finding for finding in ended.json}
        assert ended.code == (0 if all(finding["ok"] for finding in found.values()) else 1)
        return found[check]

    return find


def start(*words: object, **options: Any) -> "subprocess.Popen[str]":
    """`python -m pgq …` as a process of its own."""
    command = [sys.executable, "-m", "pgq", *(str(word) for word in words)]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )
