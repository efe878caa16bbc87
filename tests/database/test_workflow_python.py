"""Workflows from Python: nodes, runs, what is added while they run, the caller's own connection."""

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import AsyncConnection, Connection

import pgq
from tests.cli import rows


@pytest.fixture
def app(dsn: str) -> Iterator[pgq.App]:
    with pgq.App(dsn) as app:
        yield app


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection[Any]]:
    with rows.connected(dsn) as connection:
        yield connection


@pytest.fixture
def count_day(app: pgq.App) -> Any:
    @app.task(queue="reports", priority=7, tags=["days"])
    def count_day(day: date) -> date:
        return day

    return count_day


def parents(connection: Connection[Any], task: UUID) -> list[UUID]:
    row = connection.execute("SELECT depends_on FROM pgq.task_status WHERE id = %s", [task]).fetchone()
    assert row is not None
    return row[0] or []


def names(connection: Connection[Any], run: pgq.WorkflowRun) -> list[str]:
    found = connection.execute(
        "SELECT name FROM pgq.workflow_tasks WHERE workflow_id = %s ORDER BY position", [run.id]
    ).fetchall()
    return [row[0] for row in found]


def test_a_workflow_is_submitted_with_its_handlers_defaults_and_its_nodes_dependencies(
    app: pgq.App, connection: Connection[Any], count_day: Any
) -> None:
    wf = app.workflow("backfill", on_failure="continue")
    days = [wf.add(count_day.new(day=date(2026, 11, d))) for d in (1, 2, 3)]
    total = wf.add(count_day.options(queue="sums").new(date(2026, 12, 1)), name="total", depends_on=days)
    run = wf.submit()

    assert [node.name for node in days] == ["count_day", "count_day-2", "count_day-3"]
    assert names(connection, run) == ["count_day", "count_day-2", "count_day-3", "total"]
    first, last = run.handle(days[0]).status(), run.handle(total).status()
    assert (first.queue, first.priority, first.tags, first.payload) == ("reports", 7, ["days"], {"day": "2026-11-01"})
    assert (last.queue, last.state, last.workflow_id) == ("sums", "blocked", run.id)
    assert parents(connection, last.id) == [run.handle(day).id for day in days]
    status = run.status()
    assert (status.name, status.on_failure, status.state, status.total, status.live) == (
        "backfill",
        "continue",
        "running",
        4,
        4,
    )


def test_a_result_is_read_by_its_handlers_return_type(
    app: pgq.App, connection: Connection[Any], count_day: Any
) -> None:
    wf = app.workflow("w")
    node = wf.add(count_day.new(date(2026, 11, 1)))
    run = wf.submit()
    rows.move_to_history(connection, run.handle(node).id, "succeeded", "2026-11-01")
    assert run.result(node, timeout=5) == date(2026, 11, 1)
    assert run.result("count_day", timeout=5) == "2026-11-01"
    assert run.wait(timeout=5).state == "succeeded"
    later = app.workflow_run(run.id)
    assert later.result(node) == date(2026, 11, 1)
    assert later.result("count_day") == "2026-11-01"


def test_a_result_that_never_comes_says_how_the_task_ended(
    app: pgq.App, connection: Connection[Any], count_day: Any
) -> None:
    wf = app.workflow("w")
    bad = wf.add(count_day.new(date(2026, 11, 1)))
    child = wf.add(count_day.new(date(2026, 11, 2)), depends_on=[bad])
    run = wf.submit()
    with pytest.raises(TimeoutError):
        run.result(child, timeout=0)
    with pytest.raises(TimeoutError, match=f"workflow {run.id} still runs"):
        run.wait(timeout=0)
    assert run.cancel().state == "cancelled"
    with pytest.raises(pgq.TaskCancelled):
        run.result(child, timeout=5)
    assert run.retry().live == 2


@pytest.mark.parametrize("count", [2, 2_500])
def test_a_workflow_with_a_key_is_submitted_once(
    app: pgq.App, connection: Connection[Any], count_day: Any, count: int
) -> None:
    def submitted(last: date = date(2026, 12, 1), key: str = "k") -> tuple[pgq.WorkflowRun, Any]:
        wf = app.workflow("w", key=key)
        days = [wf.add(count_day.new(date(2026, 11, 1))) for _ in range(count - 1)]
        total = wf.add(count_day.new(last), name="total", depends_on=days[-2:])
        return wf.submit(), total

    (first, total), (again, same) = submitted(), submitted()
    assert (first.created, again.created, again.id) == (True, False, first.id)
    assert again.handle(same).id == first.handle(total).id
    assert again.status().total == count
    other, _ = submitted(key="l")
    assert (other.created, other.id != first.id) == (True, True)
    with pytest.raises(pgq.IdempotencyConflict, match="k was used for another workflow"):
        submitted(date(2026, 12, 2))
    assert len(names(connection, first)) == count
    with pytest.raises(pgq.InvalidTask, match="key"):
        app.workflow("w", key="")


async def test_a_workflow_with_a_key_is_submitted_once_in_async_code(app: pgq.App, count_day: Any) -> None:
    wf = app.workflow("w", key="k")
    node = wf.add(count_day.new(date(2026, 11, 1)))
    one, two = await wf.submit_async(), await wf.submit_async()
    assert (one.created, two.created, one.id) == (True, False, two.id)
    assert (await one.handle_async(node)).id == (await two.handle_async(node)).id
    await app.close_async()


def test_a_callback_waits_for_all_other_tasks_however_they_end(
    app: pgq.App, connection: Connection[Any], count_day: Any
) -> None:
    wf = app.workflow("batch")
    tell = wf.then(count_day.new(date(2026, 12, 31)), name="tell")
    also = wf.then(count_day.new(date(2026, 12, 31)), name="also")
    one = wf.add(count_day.new(date(2026, 11, 1)))
    two = wf.add(count_day.new(date(2026, 11, 2)), depends_on=[one])
    run = wf.submit()
    for node in (tell, also):
        status = run.handle(node).status()
        assert parents(connection, status.id) == [run.handle(each).id for each in (one, two)]
        assert status.on_parent_failure == "run"


def test_one_workflow_may_be_submitted_more_than_once(app: pgq.App, count_day: Any) -> None:
    wf = app.workflow("w")
    node = wf.add(count_day.new(date(2026, 11, 1)))
    one, two = wf.submit(), wf.submit()
    assert one.id != two.id
    assert one.handle(node).id != two.handle(node).id


def test_a_thousand_tasks_and_more_go_in_several_statements_and_in_one_transaction(
    app: pgq.App, connection: Connection[Any], count_day: Any
) -> None:
    wf = app.workflow("wide")
    last = wf.add(count_day.new(date(2026, 12, 1)), name="last", depends_on=[f"n{n}" for n in range(2_500)])
    for n in range(2_500):
        wf.add(count_day.new(date(2026, 11, 1)), name=f"n{n}")
    run = wf.submit()
    assert run.status().total == 2_501
    assert len(parents(connection, run.handle(last).id)) == 2_500

    clash = app.workflow("clash")
    for n in range(1_500):
        clash.add(count_day.new(date(2026, 11, 1)), name=f"n{n}")
    clash.add(count_day.new(date(2026, 11, 1)), depends_on=[uuid4()])
    with pytest.raises(pgq.UnknownParent) as refused:
        clash.submit()
    assert refused.value.position == 1_500
    assert connection.execute("SELECT count(*) FROM pgq.workflows").fetchone() == (1,)


@pytest.mark.parametrize("commit", [True, False])
def test_with_a_connection_it_is_there_when_the_callers_transaction_commits(
    app: pgq.App, dsn: str, count_day: Any, commit: bool
) -> None:
    wf = app.workflow("w")
    wf.add(count_day.new(date(2026, 11, 1)))
    with psycopg.connect(dsn) as own:
        run = wf.submit(connection=own)
        with pytest.raises(pgq.WorkflowNotFound):
            run.status()
        if not commit:
            own.rollback()
    if commit:
        assert run.status().state == "running"
    else:
        with pytest.raises(pgq.WorkflowNotFound):
            run.status()


async def test_everything_has_an_async_twin(dsn: str, connection: Connection[Any]) -> None:
    async with pgq.App(dsn) as app, await AsyncConnection.connect(dsn) as own:

        @app.task
        async def echo(n: int) -> int:
            return n

        wf = app.workflow("w")
        a = wf.add(echo.new(1), name="a")
        run = await wf.submit_async(connection=own)
        await own.commit()
        b = await run.add_async(echo.new(2), name="b", depends_on=[a])
        more = run.more()
        c = more.add(echo.new(3), depends_on=[b, "a"])
        await more.submit_async()
        assert names(connection, run) == ["a", "b", c.name]
        assert (await run.status_async()).total == 3
        with pytest.raises(TimeoutError):
            await run.wait_async(timeout=0)
        rows.move_to_history(connection, (await run.handle_async(a)).id, "succeeded", 1)
        assert await run.result_async(a, timeout=5) == 1
        assert await app.workflow_run(run.id).result_async("a", timeout=5) == 1
        assert (await run.cancel_async()).state == "cancelled"
        assert (await run.retry_async()).live == 2


def test_tasks_are_added_to_a_run_by_whoever_knows_its_id(
    app: pgq.App, connection: Connection[Any], count_day: Any
) -> None:
    wf = app.workflow("w")
    a = wf.add(count_day.new(date(2026, 11, 1)), name="a")
    run = app.workflow_run(wf.submit().id)
    b = run.add(count_day.new(date(2026, 11, 2)), depends_on=[a])
    assert b.name.startswith("count_day-")
    assert parents(connection, run.handle(b).id) == [run.handle("a").id]
    with pytest.raises(pgq.InvalidTask, match="name: a is the name of another task"):
        run.add(count_day.new(date(2026, 11, 2)), name="a")
    with pytest.raises(pgq.InvalidTask, match="no task of this workflow is called nobody"):
        run.add(count_day.new(date(2026, 11, 2)), depends_on=["nobody"])
    with pytest.raises(pgq.InvalidTask, match="is called 'nobody'"):
        run.handle("nobody")
    run.cancel()
    with pytest.raises(pgq.WrongState, match=f"workflow {run.id} is cancelled"):
        run.add(count_day.new(date(2026, 11, 2)))


def test_a_node_may_wait_for_tasks_outside(app: pgq.App, connection: Connection[Any], count_day: Any) -> None:
    outside = [count_day.submit(date(2026, 1, day)) for day in (1, 2, 3)]
    wf = app.workflow("w")
    task = count_day.options(depends_on=[outside[2]]).new(date(2026, 11, 1))
    node = wf.add(task, depends_on=[outside[0], outside[1].id])
    assert parents(connection, wf.submit().handle(node).id) == [one.id for one in outside]


def test_mistakes_are_refused_before_any_round_trip(count_day: Any) -> None:
    app = pgq.App("postgresql://127.0.0.1:1/nowhere")
    new = count_day.new(date(2026, 11, 1))
    for wrong in (
        lambda: app.workflow(""),
        lambda: app.workflow("w", on_failure="stop"),  # type: ignore[arg-type]
        lambda: app.workflow("w").submit(),
        lambda: app.workflow("w").add(count_day),
        lambda: app.workflow("w").add(new, name="a\n"),
        lambda: app.workflow("w").add(new, name=str(uuid4())),
        lambda: app.workflow("w").add(new, depends_on="a"),
        lambda: app.workflow("w").add(new, depends_on=[7]),  # type: ignore[list-item]
        lambda: app.workflow("w").add(new, on_parent_failure="run"),
        lambda: app.workflow("w").add(new, depends_on=["a"], on_parent_failure="stop"),  # type: ignore[arg-type]
    ):
        with pytest.raises(pgq.InvalidTask):
            wrong()
    wf = app.workflow("w")
    wf.add(new, name="a")
    with pytest.raises(pgq.InvalidTask, match="'a' is the name of another task"):
        wf.add(new, name="a")
    wf.add(new, name="b", depends_on=["c"])
    with pytest.raises(pgq.InvalidTask, match="task 1: depends_on: no task of this workflow is called 'c'"):
        wf.submit()
    keyed = app.workflow("w")
    keyed.add(count_day.options(key="k").new(date(2026, 11, 1)))
    with pytest.raises(pgq.InvalidTask, match="task 0: idempotency_key"):
        keyed.submit()


def test_nobody_has_this_workflow(app: pgq.App) -> None:
    run = app.workflow_run(uuid4())
    for ask in (run.status, run.cancel, run.retry, run.wait):
        with pytest.raises(pgq.WorkflowNotFound, match=str(run.id)):
            ask()
