"""What all measurements share: a fresh migrated database, medians, and how a figure is told."""

import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from pgq.db.embedded import EmbeddedServer
from pgq.db.migrate import upgrade


@dataclass(frozen=True)
class Figure:
    """A ratio that was measured, and the goal that it is held against."""

    name: str
    value: float
    goal: float
    at_least: bool
    detail: str

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def __str__(self) -> str:
        verdict, sign = "ok  " if self.met else "MISS", "≥" if self.at_least else "≤"
        return f"{verdict} {self.name}: {self.value:.2f} (goal {sign} {self.goal:g}) — {self.detail}"


@contextmanager
def own_server() -> Iterator[str]:
    """A server with everything durable, in a temporary folder; gives the conninfo of its administrator."""
    with tempfile.TemporaryDirectory(prefix="pgq-bench-") as folder:
        server = EmbeddedServer(Path(folder) / "postgres", die_with_parent=True)
        try:
            yield server.start().conninfo
        finally:
            server.stop()


@contextmanager
def database(server: str, name: str) -> Iterator[str]:
    """A fresh, migrated database."""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    conninfo = make_conninfo(server, dbname=name)
    upgrade(conninfo)
    try:
        yield conninfo
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def median_of(times: int, measure: Callable[[], float]) -> float:
    """The median of several runs."""
    return statistics.median(measure() for _ in range(times))
