"""Workflows by real workers: results of parents, tasks that are added, failures, and a worker that is killed."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import pgq
from tests.until import PATIENCE
from tests.workers import Fleet

APP = "tests.process.flow_app"
FAN = 400


@pytest.fixture
def app(dsn: str) -> Iterator[pgq.App]:
    with pgq.App(dsn) as app:
        yield app


@pytest.fixture
def kinds(app: pgq.App) -> Any:
    """The handlers of flow_app, which live in other processes, to make new tasks of."""
    plain = ("add_up", "names_and_results", "in_a_process", "heed", "add_one")
    return SimpleNamespace(
        square=app.task(kind="square", max_attempts=10)(lambda number: 0),
        fan_out=app.task(kind="fan_out")(lambda width: 0),
        fail=app.task(kind="fail", max_attempts=1)(lambda: None),
        **{kind: app.task(kind=kind)(lambda: None) for kind in plain},
    )


def test_a_worker_is_killed_under_a_fan_out_and_every_result_is_right(fleet: Fleet, app: pgq.App, kinds: Any) -> None:
    wf = app.workflow("squares")
    first = wf.add(kinds.square.new(number=3), name="first")
    squares = [wf.add(kinds.square.new(number=n), depends_on=[first]) for n in range(FAN)]
    total = wf.add(kinds.add_up.new(), name="total", depends_on=squares)
    workers = [fleet.start(APP, concurrency=10, lease_seconds=2) for _ in range(2)]
    run = wf.submit()
    fleet.until("start", FAN // 3)
    workers[0].kill()

    assert run.result(total, timeout=PATIENCE) == sum(n * n for n in range(FAN))
    assert [run.result(node) for node in squares] == [n * n for n in range(FAN)]
    status = run.wait(timeout=PATIENCE)
    assert (status.state, status.succeeded, status.total) == ("succeeded", FAN + 2, FAN + 2)


def test_a_handler_finds_its_parents_results_by_their_names(fleet: Fleet, app: pgq.App, kinds: Any) -> None:
    wf = app.workflow("names", on_failure="continue")
    two, three = (wf.add(kinds.square.new(number=n), name=f"the square of {n}") for n in (2, 3))
    bad = wf.add(kinds.fail.new(), name="bad")
    seen = wf.add(kinds.names_and_results.new(), depends_on=[three, bad, two], on_parent_failure="run")
    elsewhere = wf.add(kinds.in_a_process.new(), depends_on=[two])
    fleet.start(APP)
    run = wf.submit()
    assert run.result(seen.name, timeout=PATIENCE) == {"the square of 3": 9, "bad": None, "the square of 2": 4}
    found = run.result(elsewhere.name, timeout=PATIENCE)
    assert found == {"parents": {"the square of 2": 4}, "workflow": str(run.id)}
    assert run.wait(timeout=PATIENCE).state == "failed"


def test_handlers_add_tasks_to_their_own_workflow(fleet: Fleet, app: pgq.App, kinds: Any) -> None:
    wf = app.workflow("growing")
    wf.add(kinds.fan_out.new(width=50))
    wf.add(kinds.add_one.new(), name="adder")
    fleet.start(APP)
    run = wf.submit()
    status = run.wait(timeout=PATIENCE)
    assert (status.state, status.total) == ("succeeded", 54)
    assert run.result("sum") == sum(n * n for n in range(50))
    assert run.result("added") == {"adder": "added one"}


def test_a_failure_tells_handlers_that_run_to_stop_and_the_callback_runs(
    fleet: Fleet, app: pgq.App, kinds: Any
) -> None:
    wf = app.workflow("stops")
    runs = wf.add(kinds.heed.new())
    gate = wf.add(kinds.square.new(number=1))
    never = wf.add(kinds.square.new(number=2), depends_on=[runs])
    tell = wf.then(kinds.names_and_results.new())
    fleet.start(APP)
    run = wf.submit()
    fleet.until("heeds", 1)
    assert run.result(gate.name, timeout=PATIENCE) == 1
    bad = run.add(kinds.fail.new())

    assert set(run.result(tell.name, timeout=PATIENCE)) == {runs.name, gate.name, never.name}
    status = run.wait(timeout=PATIENCE)
    assert (status.state, status.dead, status.cancelled, status.succeeded) == ("failed", 1, 2, 2)
    with pytest.raises(pgq.TaskDead):
        run.result(bad)
    with pytest.raises(pgq.TaskCancelled):
        run.result(never)


def test_a_retry_runs_only_what_had_not_succeeded(fleet: Fleet, app: pgq.App, kinds: Any) -> None:
    wf = app.workflow("again")
    squares = [wf.add(kinds.square.new(number=n)) for n in range(5)]
    bad = wf.add(kinds.fail.new(), depends_on=squares)
    child = wf.add(kinds.names_and_results.new(), depends_on=[bad, *squares])
    fleet.start(APP)
    run = wf.submit()
    assert run.wait(timeout=PATIENCE).state == "failed"
    begun = fleet.outside.count("start")
    run.retry()
    assert run.wait(timeout=PATIENCE).state == "failed"
    assert fleet.outside.count("start") == begun
    assert run.handle(bad).status().attempt == 1
    assert run.handle(child).status().state == "cancelled"
