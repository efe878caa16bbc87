"""Cancelling a task that runs: its handler is told, and the task ends as cancelled."""

from collections.abc import Iterator

import pytest

from tests.tasks import Tasks, tasks_of
from tests.until import until
from tests.workers import Fleet

APP = "tests.process.work_app"


@pytest.fixture
def tasks(fleet: Fleet) -> Iterator[Tasks]:
    with tasks_of(fleet.conninfo) as tasks:
        yield tasks


@pytest.mark.parametrize(("kind", "heard"), [("work", "CancelledError"), ("heed", "InterruptedError")])
def test_a_running_handler_is_told(fleet: Fleet, tasks: Tasks, kind: str, heard: str) -> None:
    task = tasks.submit(kind, **({"seconds": 600} if kind == "work" else {}))
    worker = fleet.start(APP)
    fleet.until("start", 1)
    assert tasks.value("SELECT pgq.cancel(%s)", task) == "requested"
    row = tasks.ended(task)
    assert (row.state, row.attempt, row.result) == ("cancelled", 1, None)
    assert [event.facts["how"] for event in fleet.outside.events("end")] == [heard]
    assert tasks.ended(tasks.submit("echo", value=1)).result == 1
    assert worker.lives


def test_a_cancelled_task_whose_worker_dies_ends_as_cancelled(fleet: Fleet, tasks: Tasks) -> None:
    task = tasks.submit("ignore_everything")
    worker = fleet.start(APP)
    fleet.until("start", 1)
    tasks.value("SELECT pgq.cancel(%s)", task)
    worker.kill()
    fleet.start(APP)
    assert tasks.ended(task).state == "cancelled"
    assert fleet.outside.count("start") == 1


def test_a_cancelled_task_that_waits_is_never_begun(fleet: Fleet, tasks: Tasks) -> None:
    task = tasks.submit("work")
    assert tasks.value("SELECT pgq.cancel(%s)", task) == "cancelled"
    fleet.start(APP)
    assert tasks.ended(tasks.submit("echo", value=1)).result == 1
    assert tasks.row(task).state == "cancelled"
    assert fleet.outside.count("start") == 0


WORDS = ("", "nonsense", "00000000-0000-0000-0000-000000000000", "x" * 7_000)


def test_foreign_notifications_harm_no_worker(fleet: Fleet, tasks: Tasks) -> None:
    """Everybody who may connect may NOTIFY, and say anything."""
    worker = fleet.start(APP).wait_until_ready()
    until(lambda: tasks.value("SELECT count(*) FROM pgq.waiting_workers") == 1, "the worker to wait")
    for words in WORDS:
        for channel in ("pgq_cancel", "pgq_ready"):
            tasks.connection.execute("SELECT pg_notify(%s, %s)", [channel, words])
    task = tasks.submit("work", seconds=600)
    fleet.until("start", 1)
    tasks.value("SELECT pgq.cancel(%s)", task)  # heard by the same listener, after those
    assert tasks.ended(task).state == "cancelled"
    assert worker.lives
