"""Handlers that do not return: their worker hands back the rest, without using an attempt, and leaves."""

import pytest

from tests.process.test_stop import nothing_is_left
from tests.tasks import tasks_of
from tests.until import until
from tests.workers import LONG_LEASE, Fleet

APP = "tests.process.stuck_app"
TIMEOUT = 2
"""Seconds: a handler must have begun, on a slow machine too, before they are over; else it would not be stuck."""


@pytest.mark.parametrize("kind", ["ignore_everything", "swallow_cancellation"])
def test_handlers_that_hold_half_of_the_slots_beyond_their_timeout_end_the_worker(fleet: Fleet, kind: str) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        stuck = [tasks.submit(kind, timeout=TIMEOUT, attempts=1) for _ in range(2)]
        rest = tasks.submit_many("heed", 2)
        worker = fleet.start(APP, concurrency=4, grace_seconds=3600, lease_seconds=LONG_LEASE)

        assert worker.exit_code() == 1
        assert {(row.state, row.attempt) for row in tasks.rows(*rest).values()} == {("pending", 0)}
        assert {row.state for row in tasks.rows(*stuck).values()} <= {"dead", "running"}, (
            "the reaper may be yet to come"
        )
        assert "2 handlers did not return long after their time was over" in worker.said()
        if kind == "ignore_everything":
            assert "in ignore_everything" in worker.said(), "the stacks of all threads"


def test_fewer_than_half_only_cost_their_slots(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        stuck = tasks.submit("ignore_everything", timeout=0.2, attempts=1)
        worker = fleet.start(APP, concurrency=3)
        assert tasks.ended(stuck).error["type"] == "TimedOut"
        assert tasks.ended(tasks.submit("work", seconds=1.5)).state == "succeeded"  # beyond the patience
        assert worker.lives
        worker.tell_to_stop()
        assert worker.exit_code() == 0


def test_a_handler_that_blocks_the_loop_beyond_its_timeout_ends_the_worker(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        rest = [tasks.submit("work", seconds=600), tasks.submit("work_in_thread", seconds=600)]
        worker = fleet.start(APP, lease_seconds=LONG_LEASE)
        fleet.until("start", 2)
        ended = [tasks.submit("work_in_thread", seconds=0.5) for _ in range(3)]  # while the loop is blocked
        fleet.until("start", 5)
        stuck = tasks.submit("block_the_loop", seconds=3600, timeout=TIMEOUT, attempts=2)

        assert worker.exit_code() == 1
        assert nothing_is_left(tasks)
        row = tasks.row(stuck)
        assert (row.state, row.attempt, row.error["type"]) == ("retrying", 1, "TimedOut")
        assert {(row.state, row.attempt) for row in tasks.rows(*rest).values()} == {("pending", 0)}
        assert {row.state for row in tasks.rows(*ended).values()} == {"succeeded"}
        assert "a handler blocks the event loop" in worker.said()
        assert "in block_the_loop" in worker.said(), "the stacks of all threads"


def test_a_blocked_loop_does_not_keep_a_worker_from_stopping(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        stuck = tasks.submit("block_the_loop", seconds=3600)
        worker = fleet.start(APP, grace_seconds=0.2, lease_seconds=LONG_LEASE)
        fleet.until("start", 1)
        worker.tell_to_stop()

        assert worker.exit_code() == 1
        assert nothing_is_left(tasks)
        row = tasks.row(stuck)
        assert (row.state, row.attempt) == ("pending", 0)


def test_the_supervisor_replaces_a_worker_that_was_stuck(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        stuck = tasks.submit("block_the_loop", seconds=3600, timeout=TIMEOUT, attempts=1)
        whole = fleet.start(APP, whole=True)
        assert tasks.ended(stuck).error["type"] == "TimedOut"
        assert tasks.ended(tasks.submit("echo", value="again")).result == "again"

        until(lambda: whole.said().count("serves") == 2, "the second worker")
        whole.tell_to_stop()
        assert whole.exit_code() == 0


def test_a_frozen_worker_is_not_taken_for_a_stuck_one(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        task = tasks.submit("work", seconds=3, timeout=600)
        short = tasks.submit("work_in_thread", seconds=1.5, timeout=1)
        worker = fleet.start(APP, concurrency=2, lease_seconds=LONG_LEASE)
        fleet.until("start", 2)
        worker.freeze()
        frozen_long = "SELECT clock_timestamp() > started_at + '2.5 s' FROM pgq.tasks WHERE id = %s"
        until(lambda: tasks.value(frozen_long, task), "longer than the timeout and the watchdog's patience")
        worker.thaw()
        assert tasks.ended(task).state == "succeeded"
        assert tasks.row(short).attempt == 1
        assert worker.lives
