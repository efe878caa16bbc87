"""Threads that submit one task after the other, and write to the outside log what the database has acknowledged."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Json

import pgq
from tests.outside_log import OutsideLog

Request = tuple[str, dict[str, Any]]
"""A kind and its payload."""


def short_work() -> Request:
    return "work", {"seconds": 0.02}


class Submitter(threading.Thread):
    """Submits what `choose` says until `enough`, with `pause` seconds after each."""

    weather: type[Exception]
    """What a submitter must expect of a database that comes and goes."""

    def __init__(
        self,
        conninfo: str,
        outside: OutsideLog,
        enough: threading.Event,
        *,
        choose: Callable[[], Request] = short_work,
        pause: float = 0.002,
    ) -> None:
        super().__init__(daemon=True)
        self.conninfo = conninfo
        self.outside = outside
        self.enough = enough
        self.choose = choose
        self.pause = pause
        self.refused = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Keep the failure, if there is one, for the test."""
        try:
            with self.ready():
                while not self.enough.is_set():
                    self.submit_until_acknowledged(*self.choose())
                    self.enough.wait(self.pause)
        except BaseException as error:
            self.failure = error

    def submit_until_acknowledged(self, kind: str, payload: dict[str, Any]) -> None:
        """One try; where it is refused, nobody knows whether it was submitted, and the next one is another task."""
        try:
            task = self.submit(kind, payload)
        except self.weather:
            self.refused += 1
            self.enough.wait(0.05)
        else:
            self.outside.write("acknowledged", tasks=[task])

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Around all submits."""
        yield

    def submit(self, kind: str, payload: dict[str, Any]) -> UUID:
        raise NotImplementedError


class PythonSubmitter(Submitter):
    """By pgq.App."""

    weather = pgq.DatabaseUnavailable

    @contextmanager
    def ready(self) -> Iterator[None]:
        with pgq.App(self.conninfo, pool_size=1) as self.app:
            yield

    def submit(self, kind: str, payload: dict[str, Any]) -> UUID:
        return self.app.submit(kind, payload).id


class KeyedSubmitter(PythonSubmitter):
    """By pgq.App, with keys: whatever is refused is submitted again with its key until that is acknowledged."""

    def submit_until_acknowledged(self, kind: str, payload: dict[str, Any]) -> None:
        key = str(uuid4())
        while True:
            try:
                task = self.app.submit(kind, payload, key=key)
            except self.weather:
                self.refused += 1
                if self.enough.wait(0.2):
                    return
            else:
                self.outside.write("acknowledged", tasks=[task.id])
                return


class SqlSubmitter(Submitter):
    """By INSERT, over a connection that it opens again when it breaks."""

    weather = psycopg.OperationalError
    connection: "psycopg.Connection[tuple[UUID]] | None" = None

    @contextmanager
    def ready(self) -> Iterator[None]:
        try:
            yield
        finally:
            if self.connection:
                self.connection.close()

    def submit(self, kind: str, payload: dict[str, Any]) -> UUID:
        if self.connection is None or self.connection.closed:
            self.connection = psycopg.connect(self.conninfo, autocommit=True)
        row = self.connection.execute(
            "INSERT INTO pgq.tasks (kind, payload) VALUES (%s, %s) RETURNING id", [kind, Json(payload)]
        ).fetchone()
        assert row
        return row[0]
