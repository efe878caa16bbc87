"""SIGTERM: a worker leaves no running row, takes no attempt from what it interrupts, and always ends."""

import pytest

from tests.tasks import Tasks, tasks_of
from tests.until import until
from tests.workers import LEASE, LONG_LEASE, Fleet

APP = "tests.process.work_app"


def nothing_is_left(tasks: Tasks) -> bool:
    """No running row, and no worker in the table."""
    running = tasks.value("SELECT count(*) FROM pgq.tasks WHERE state = 'running'")
    workers = tasks.value("SELECT count(*) FROM pgq.workers")
    return (running, workers) == (0, 0)


def test_a_stop_under_load_hands_back_what_it_interrupts(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        tasks.submit_many("work", 30, seconds=600)
        tasks.submit_many("heed", 10)
        tasks.submit_many("work", 2_000, priority=4)
        worker = fleet.start(APP, concurrency=60, grace_seconds=0.3, lease_seconds=LONG_LEASE)
        fleet.until("start", 200)
        worker.tell_to_stop()

        assert worker.exit_code() == 0
        assert nothing_is_left(tasks)
        rows = tasks.rows()
        begun = {event.task for event in fleet.outside.events("start")}
        ended = {task for task, row in rows.items() if row.state == "succeeded"}
        assert ended < begun
        assert len(begun - ended) >= 40, "what was interrupted"
        for row in rows.values():
            assert (row.state, row.attempt) in (("succeeded", 1), ("pending", 0)), row
        assert tasks.value("SELECT count(*) FROM pgq.attempts") == 0


def test_tasks_that_end_within_the_grace_time_are_finished(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        ids = [tasks.submit(kind, seconds=1.5 * LEASE) for kind in ("work", "work_in_thread") * 5]
        worker = fleet.start(APP)
        fleet.until("start", 10)
        worker.tell_to_stop()

        assert worker.exit_code() == 0
        assert nothing_is_left(tasks)
        assert {row.state for row in tasks.rows(*ids).values()} == {"succeeded"}


def test_a_second_signal_hands_back_at_once(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        task = tasks.submit("work", seconds=600)
        worker = fleet.start(APP, grace_seconds=3600, lease_seconds=LONG_LEASE)
        fleet.until("start", 1)
        worker.tell_to_stop()
        worker.wait_to_hear("stopping")
        assert worker.lives
        worker.tell_to_stop()

        assert worker.exit_code() == 0
        assert nothing_is_left(tasks)
        row = tasks.row(task)
        assert (row.state, row.attempt) == ("pending", 0)


@pytest.mark.parametrize("kind", ["ignore_everything", "swallow_cancellation", "wait_for_a_thread_of_its_own"])
@pytest.mark.parametrize("cancelled", [False, True], ids=["", "cancelled"])
def test_a_handler_that_cannot_be_stopped_does_not_hold_the_worker(fleet: Fleet, kind: str, cancelled: bool) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        task = tasks.submit(kind, attempts=1)
        worker = fleet.start(APP, grace_seconds=0, lease_seconds=LONG_LEASE)
        until(lambda: tasks.row(task).state == "running", "the task to run")
        if kind != "wait_for_a_thread_of_its_own":
            fleet.until("start", 1)
        if cancelled:
            assert tasks.value("SELECT pgq.cancel(%s)", task) == "requested"
            if kind == "swallow_cancellation":
                fleet.until("swallowed", 1)
        worker.tell_to_stop()

        assert worker.exit_code() == 0
        assert nothing_is_left(tasks), tasks.row(task)
        assert tasks.row(task).state == ("cancelled" if cancelled else "pending")
