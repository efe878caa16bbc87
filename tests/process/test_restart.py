"""PostgreSQL is restarted with `-m immediate` under load: nothing acknowledged is lost, and the workers go on."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgq.db.migrate import upgrade
from tests.audit import audit
from tests.restartable import RestartableServer, restartable_server
from tests.submitters import PythonSubmitter, SqlSubmitter
from tests.tasks import tasks_of
from tests.workers import LEASE, Fleet

APP = "tests.process.work_app"
CRASHES = 3
BETWEEN = 250
"""Acknowledged tasks between two crashes."""


@pytest.fixture
def server() -> Iterator[RestartableServer]:
    """A server of its own, with fsync on: what it acknowledges must survive."""
    with restartable_server() as server:
        yield server


def test_postgresql_restarts_immediately_under_load(server: RestartableServer, tmp_path: Path) -> None:
    upgrade(server.conninfo)
    fleet, enough = Fleet(server.conninfo, tmp_path), threading.Event()
    submitters = [
        kind(fleet.conninfo, fleet.outside, enough)
        for kind in (PythonSubmitter, PythonSubmitter, SqlSubmitter, SqlSubmitter)
    ]
    try:
        workers = [fleet.start(APP, concurrency=20).wait_until_ready() for _ in range(2)]
        for submitter in submitters:
            submitter.start()
        for crash in range(CRASHES):
            goal = (crash + 1) * BETWEEN
            fleet.until("acknowledged", goal)
            fleet.outside.write("crashed")
            server.crash()
            fleet.outside.write("crashed")
            server.start()
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
