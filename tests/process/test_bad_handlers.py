"""Bad handlers and bad payloads: only their own task is buried, with a clear error, and the worker lives."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.process.bad_app import DEEDS
from tests.tasks import Tasks, tasks_of
from tests.until import until
from tests.workers import LONG_LEASE, Fleet, WorkerProcess

APP = "tests.process.bad_app"


@pytest.fixture
def tasks(fleet: Fleet) -> Iterator[Tasks]:
    with tasks_of(fleet.conninfo) as tasks:
        yield tasks


def still_works(tasks: Tasks, worker: WorkerProcess) -> None:
    """It has lost no slot and no part: more echoes than it has slots succeed."""
    for value in range(5):
        assert tasks.ended(tasks.submit("echo", value=value)).result == value
    assert worker.lives


def test_bad_handlers_harm_their_own_task_only(fleet: Fleet, tasks: Tasks) -> None:
    kinds = ("misbehave", "misbehave_in_thread")
    deeds = {tasks.submit(kind, attempts=1, deed=deed): (kind, deed) for deed in DEEDS for kind in kinds}
    worker = fleet.start(APP, concurrency=4, lease_seconds=LONG_LEASE)
    for task, (kind, deed) in deeds.items():
        row, expected = tasks.ended(task), DEEDS[deed][1]
        assert row.state == "dead", (kind, deed, row)
        if expected == "StopIteration":
            expected = "RuntimeError"  # what Python itself makes of it in a coroutine
        assert row.error["type"] == expected, (kind, deed, row.error)
        assert len(row.error["message"]) < 11_000, (kind, deed)
        assert "\ufffd" in row.error["message"] or "half" not in deed or expected == "UnstorableResult", row.error
    still_works(tasks, worker)
    worker.tell_to_stop()
    assert worker.exit_code() == 0


def test_handlers_that_leave_something_behind_succeed(fleet: Fleet, tasks: Tasks) -> None:
    left = [tasks.submit("leave_a_thread_behind"), tasks.submit("leave_a_failing_coroutine_behind")]
    worker = fleet.start(APP, concurrency=2)
    assert {tasks.ended(task).state for task in left} == {"succeeded"}
    still_works(tasks, worker)


def test_a_handler_that_ignores_its_timeout_is_timed_out_by_the_reaper(fleet: Fleet, tasks: Tasks) -> None:
    task = tasks.submit("swallow_the_timeout", timeout=0.5, attempts=1)
    worker = fleet.start(APP, concurrency=2)
    row = tasks.ended(task)
    assert (row.state, row.error["type"]) == ("dead", "TimedOut")
    still_works(tasks, worker)


def test_a_backoff_beyond_all_time_is_bounded(fleet: Fleet, tasks: Tasks) -> None:
    """A date that no driver can read would wedge whoever claims or lists the task."""
    later = tasks.submit("ask_for_a_retry_in_the_far_future", attempts=2)
    sooner = tasks.submit("ask_for_a_retry_in_the_far_past", attempts=2)
    worker = fleet.start(APP, concurrency=2)
    until(lambda: tasks.row(later).state == "retrying", "the retry")
    assert tasks.value("SELECT run_at < now() + interval '11 years' FROM pgq.tasks WHERE id = %s", later)
    row = tasks.ended(sooner)
    assert (row.state, row.attempt, row.error["type"]) == ("dead", 2, "ValueError")
    still_works(tasks, worker)


def payload_of_digits(count: int) -> str:
    return json.dumps({"value": "?"}).replace('"?"', "9" * count)


def nested(levels: int) -> str:
    return json.dumps({"value": "?"}).replace('"?"', "[" * levels + "1" + "]" * levels)


PAYLOADS: list[tuple[str, str, str | None]] = [
    ("echo", payload_of_digits(5_000), "4,300 digits"),
    ("echo", nested(100), None),
    ("echo", nested(5_000), "nested too deeply"),
    ("echo", '{"unknown": 1, "value": 2}', None),
    ("echo", '{"value": 1e300}', None),
    ("greet", "{}", "missing"),
    ("greet", '{"name": "Ada"}', "address: missing"),
    ("greet", '{"name": 7, "address": {"street": "x", "number": 1}}', "name"),
    ("greet", '{"name": "Ada", "address": {"street": "x", "number": "many"}}', "address.number"),
    ("greet", '{"name": "Ada", "address": [1, 2]}', "address"),
    ("greet", '{"name": "Ada", "address": {"street": "x", "number": 1}, "times": null}', "times"),
    ("greet", '{"name": "Ada", "address": {"street": "x", "number": 1}, "self": 1, "": 2}', None),
]
"""Kind, payload, and what the error says; None where the task succeeds."""

PAST_THE_DOOR = """
    INSERT INTO pgq.tasks (kind, payload, run_at, timeout_seconds, priority, max_attempts, queue)
    VALUES (%s, %s, clock_timestamp(), 60, 5, 4, 'default') RETURNING id"""


def test_bad_payloads_bury_their_own_task_only(fleet: Fleet, tasks: Tasks) -> None:
    asked: dict[UUID, tuple[str, str | None]] = {}
    # Past the door, which would refuse some of these: a worker must not rely on it.
    tasks.connection.execute("ALTER TABLE pgq.tasks DISABLE TRIGGER accept_task")
    for kind, payload, words in PAYLOADS:
        asked[tasks.value(PAST_THE_DOOR, kind, payload)] = (payload, words)
    tasks.connection.execute("ALTER TABLE pgq.tasks ENABLE TRIGGER accept_task")
    worker = fleet.start(APP, concurrency=3, lease_seconds=LONG_LEASE)
    for task, (payload, words) in asked.items():
        row = ended_quietly(tasks, task)
        if words is None:
            assert row["state"] == "succeeded", (payload[:80], row)
        else:
            assert (row["state"], row["attempt"]) == ("dead", 1), (payload[:80], row)
            assert row["error"]["type"] == "InvalidPayload", row
            assert words in row["error"]["message"], row
            assert len(row["error"]["message"]) < 500, row
    still_works(tasks, worker)


def ended_quietly(tasks: Tasks, task: UUID) -> dict[str, Any]:
    """Like Tasks.ended, but without the result, which Python may not be able to read."""
    query = """
        SELECT to_jsonb(s) - '{payload,result}'::text[] FROM pgq.task_status AS s
        WHERE id = %s AND finished_at > '2000-01-01'"""
    row: dict[str, Any] = until(lambda: tasks.value(query, task), f"task {task} to end")
    return row
