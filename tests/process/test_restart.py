"""PostgreSQL is restarted with `-m immediate` under load: nothing acknowledged is lost, and the workers go on."""

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

import pgq
from pgq.db.embedded import EmbeddedServer
from pgq.db.migrate import upgrade
from tests.audit import audit
from tests.tasks import tasks_of
from tests.until import until
from tests.workers import LEASE, Fleet

APP = "tests.process.work_app"
CRASHES = 3
BETWEEN = 250
"""Acknowledged tasks between two crashes."""


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    """A server of its own, with fsync on: what it acknowledges must survive."""
    folder = Path(tempfile.mkdtemp(prefix="pgq-test-"))
    server = EmbeddedServer(folder / "postgres", die_with_parent=True)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


def restart_immediately(server: EmbeddedServer) -> None:
    """What `pg_ctl restart -m immediate` does: every backend ends at once, and the WAL is replayed."""
    postmaster = int((server.folder.data / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGQUIT)
    until(lambda: not (server.folder.data / "postmaster.pid").exists(), "the server to end")
    EmbeddedServer(server.folder.root).start()


class Submitter(threading.Thread):
    """Submits one task after the other until told to stop; acknowledges only what the database has answered."""

    def __init__(self, fleet: Fleet, enough: threading.Event) -> None:
        super().__init__()
        self.fleet = fleet
        self.enough = enough
        self.refused = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Keep the failure, if there is one, for the test."""
        try:
            self.submit_until_enough()
        except BaseException as error:
            self.failure = error

    def submit_until_enough(self) -> None:
        raise NotImplementedError

    def keep_submitting(self, submit: Callable[[], UUID], weather: type[Exception]) -> None:
        """`weather` is what a submitter must expect of a database that restarts."""
        while not self.enough.is_set():
            try:
                task = submit()
            except weather:
                self.refused += 1
                self.enough.wait(0.05)
            else:
                self.fleet.outside.write("acknowledged", tasks=[task])
                self.enough.wait(0.002)


class PythonSubmitter(Submitter):
    """By pgq.App."""

    def submit_until_enough(self) -> None:
        with pgq.App(self.fleet.conninfo) as app:
            self.keep_submitting(lambda: app.submit("work", {"seconds": 0.02}).id, pgq.DatabaseUnavailable)


class SqlSubmitter(Submitter):
    """By INSERT, over a connection that it opens again when it breaks."""

    connection: "psycopg.Connection[tuple[UUID]] | None" = None

    def submit_until_enough(self) -> None:
        self.keep_submitting(self.insert, psycopg.OperationalError)
        if self.connection:
            self.connection.close()

    def insert(self) -> UUID:
        if self.connection is None or self.connection.closed:
            self.connection = psycopg.connect(self.fleet.conninfo, autocommit=True)
        row = self.connection.execute(
            "INSERT INTO pgq.tasks (kind, payload) VALUES ('work', '{\"seconds\": 0.02}') RETURNING id"
        ).fetchone()
        assert row
        return row[0]


def test_postgresql_restarts_immediately_under_load(server: EmbeddedServer, tmp_path: Path) -> None:
    found = server.attach()
    assert found
    upgrade(found)
    fleet, enough = Fleet(found, tmp_path), threading.Event()
    submitters = [kind(fleet, enough) for kind in (PythonSubmitter, PythonSubmitter, SqlSubmitter, SqlSubmitter)]
    try:
        workers = [fleet.start(APP, concurrency=20).wait_until_ready() for _ in range(2)]
        for submitter in submitters:
            submitter.start()
        for crash in range(CRASHES):
            goal = (crash + 1) * BETWEEN
            fleet.until("acknowledged", goal)
            restart_immediately(server)
        goal = fleet.outside.count("acknowledged") + BETWEEN
        fleet.until("acknowledged", goal)
        enough.set()
        for submitter in submitters:
            submitter.join()
        with tasks_of(fleet.conninfo) as tasks:
            tasks.all_ended()
            evidence = audit(tasks, fleet, lease=LEASE)
            assert {row.state for row in evidence.rows.values()} == {"succeeded"}
        assert [submitter.failure for submitter in submitters] == [None] * 4
        assert sum(submitter.refused for submitter in submitters), "no submitter noticed: this test shows nothing"
        assert all(worker.lives for worker in workers), fleet.said()
        for worker in workers:
            worker.tell_to_stop()
        assert [worker.exit_code() for worker in workers] == [0, 0]
    finally:
        enough.set()
        fleet.end()
