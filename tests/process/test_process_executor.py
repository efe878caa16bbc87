"""executor="process": what a handler has there, and that nothing it does reaches further than its own attempt."""

import os
import signal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

import pgq
from pgq.service import worker_plan
from pgq.values.errors import SettingsError
from pgq.values.settings import Settings
from tests.tasks import Row, Tasks, tasks_of
from tests.until import until
from tests.workers import LONG_LEASE, Fleet, WorkerProcess

APP = "tests.process.process_app"

here = pgq.App()


@here.task(executor="process")
def at_the_top() -> None:
    """Another process finds this by its name."""


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has asked how it ended yet counts as well."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


def spinning(fleet: Fleet, count: int = 1) -> list[int]:
    """The processes of so many spinning handlers, and of what these have started."""
    fleet.until("start", count)
    return [event.pid for event in (*fleet.outside.events("start"), *fleet.outside.events("helper"))]


def all_gone(pids: list[int]) -> None:
    until(lambda: all(gone(pid) for pid in pids), f"processes {pids} to end")


def works(tasks: Tasks, worker: WorkerProcess) -> Row:
    """A task submitted now runs in a process below this worker."""
    row = tasks.ended(tasks.submit("look_around", day="2026-11-22"))
    assert row.state == "succeeded", row
    assert row.result["parent"] == worker.pid
    return row


def test_handlers_have_arguments_context_log_and_output_and_share_their_process(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        worker = fleet.start(APP)
        first, second = works(tasks, worker), works(tasks, worker)
        assert (first.result["task"], first.result["year"], first.result["tags"]) == (str(first.id), 2026, [])
        assert first.result["pid"] == second.result["pid"] != worker.pid
        assert f"WARNING pgq.task [{first.id}]: logged by attempt 1" in worker.said()
        worker.wait_to_hear(f"printed in {first.result['pid']}")
        assert tasks.ended(tasks.submit("on_a_loop", value="a coroutine")).result == "a coroutine"
        misfit = tasks.ended(tasks.submit("look_around", day="someday"))
        assert (misfit.state, misfit.attempt, misfit.error["type"]) == ("dead", 1, "InvalidPayload")

        worker.tell_to_stop()
        assert worker.exit_code() == 0
        all_gone([first.result["pid"]])


def test_a_handler_submits_to_the_database_of_its_worker(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        task = tasks.submit("submit_more", attempts=1)
        fleet.start(APP, "--database-url", fleet.conninfo, database_url="postgresql://nowhere.invalid/x")
        other = tasks.ended(task).result
        assert tasks.ended(UUID(other)).result == "submitted from a process"


def test_every_way_to_end_an_attempt_works_from_a_process(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        ways = ("retry", "snooze", "cancel", "bury", "bury_on", "raise", "unstorable", "exit", "_exit", "kill")
        ids = {how: tasks.submit("end_as", how=how, attempts=2) for how in ways}
        worker = fleet.start(APP, concurrency=2, lease_seconds=LONG_LEASE)
        rows = {how: tasks.ended(task) for how, task in ids.items() if how != "snooze"}

        assert {how: (row.state, row.attempt) for how, row in rows.items()} == {
            **dict.fromkeys(("retry", "raise", "exit", "_exit", "kill"), ("succeeded", 2)),
            **dict.fromkeys(("cancel", "bury", "bury_on", "unstorable"), ("dead", 1)),
            "cancel": ("cancelled", 1),
        }
        until(lambda: tasks.row(ids["snooze"]).state == "scheduled", "the snooze")
        errors = {how: first_error(tasks, ids[how]) for how in ways if how not in ("snooze", "cancel")}
        assert {how: (error["type"], error["message"].partition(";")[0]) for how, error in errors.items()} == {
            "retry": ("Retry", "not yet"),
            "bury": ("Bury", "never"),
            "bury_on": ("Hopeless", "really"),
            "raise": ("ValueError", "wrong ?"),
            "unstorable": ("UnstorableResult", "the result is not JSON: set has no JSON form"),
            "exit": ("SystemExit", "done"),
            "_exit": ("ProcessDied", "the handler's process ended with exit code 3"),
            "kill": ("ProcessDied", "the handler's process ended with signal 9 (SIGKILL"),
        }
        (frame,) = [line for line in errors["raise"]["traceback"].splitlines() if line.startswith("  File")]
        assert frame.endswith("in end_as")
        works(tasks, worker)


def first_error(tasks: Tasks, task: UUID) -> Any:
    return tasks.value("SELECT error FROM pgq.attempts WHERE task_id = %s ORDER BY lease_epoch", task)


def test_a_timeout_kills_the_process_with_all_that_it_started_and_frees_the_slot(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        worker = fleet.start(APP, concurrency=1)
        works(tasks, worker)  # the process is there and has its modules
        task = tasks.submit("spin", timeout=3, attempts=1, hold_the_gil=True)
        pids = spinning(fleet)
        row = tasks.ended(task)

        assert (row.state, row.error["type"]) == ("dead", "TimedOut")
        all_gone(pids)
        works(tasks, worker)


def test_a_cancelled_task_ends_when_it_is_notified(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        task = tasks.submit("spin")
        worker = fleet.start("tests.process.silent_app:processes", concurrency=1, lease_seconds=3600)
        pids = spinning(fleet)
        assert tasks.value("SELECT pgq.cancel(%s)", task) == "requested"
        until(lambda: tasks.row(task).state == "cancelled", "the task to be cancelled")

        all_gone(pids)
        works(tasks, worker)


def test_a_lost_lease_kills_the_process(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        task = tasks.submit("spin")
        worker = fleet.start(APP, concurrency=1)
        pids = spinning(fleet)
        tasks.connection.execute("UPDATE pgq.tasks SET lease_epoch = lease_epoch + 1 WHERE id = %s", [task])

        all_gone(pids)
        worker.wait_to_hear(f"lease lost: task {task}")
        assert tasks.row(task).state == "running", "whoever holds it now says what becomes of it"
        works(tasks, worker)


def test_a_hard_stop_kills_the_process_and_takes_no_attempt(fleet: Fleet) -> None:
    with tasks_of(fleet.conninfo) as tasks:
        task = tasks.submit("spin")
        worker = fleet.start(APP, grace_seconds=3600, lease_seconds=LONG_LEASE)
        pids = spinning(fleet)
        worker.tell_to_stop()
        worker.wait_to_hear("stopping")
        assert not any(gone(pid) for pid in pids)
        worker.tell_to_stop()

        assert worker.exit_code() == 0
        all_gone(pids)
        row = tasks.row(task)
        assert (row.state, row.attempt) == ("pending", 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_processes_go_with_their_worker_and_not_before(fleet: Fleet, number: signal.Signals) -> None:
    """A Ctrl-C in the terminal goes to the worker's process group, in which they are not."""
    with tasks_of(fleet.conninfo) as tasks:
        tasks.submit("spin")
        worker = fleet.start(APP, grace_seconds=3600)
        pids = spinning(fleet)
        assert {os.getpgid(pid) for pid in pids} == {pids[0]}
        worker.process.send_signal(number)
        if number == signal.SIGINT:
            worker.wait_to_hear("stopping")
            assert not any(gone(pid) for pid in pids)
            worker.process.kill()
        all_gone(pids)


def test_a_handler_that_no_other_process_can_import_keeps_the_worker_from_starting() -> None:
    def inner() -> None:
        """Nobody finds this by its name."""

    def plan(app: pgq.App) -> object:
        return worker_plan(Settings(), app, None, psycopg.conninfo.make_conninfo(dbname="nowhere"))

    mine = pgq.App()
    mine.task(executor="process")(inner)
    with pytest.raises(SettingsError, match=r"kind 'inner' .* defined inside a function"):
        plan(mine)

    mine = pgq.App()
    mine.task(kind="shadow", executor="process")(at_the_top.function)
    with pytest.raises(SettingsError, match=r"kind 'shadow' .* is something else"):
        plan(mine)

    inner.__module__, inner.__qualname__ = "__main__", "inner"
    mine = pgq.App()
    mine.task(executor="process")(inner)
    with pytest.raises(SettingsError, match="move it to a module"):
        plan(mine)
    assert plan(here)
