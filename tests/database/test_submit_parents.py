"""Python's door for tasks that depend on others."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

import pgq
from pgq.client.submit import COPY_ABOVE
from tests.database.callers import ASYNC, SYNC, Caller

Sync = Callable[[str], AbstractContextManager[Caller]]
Async = Callable[[str], AbstractAsyncContextManager[Caller]]


@pytest.fixture
def app(dsn: str) -> Iterator[pgq.App]:
    with pgq.App(dsn) as app:
        yield app


@pytest.fixture
async def async_app(dsn: str) -> AsyncIterator[pgq.App]:
    async with pgq.App(dsn) as app:
        yield app


def submitted(app: pgq.App, **options: Any) -> pgq.TaskStatus:
    return app.submit("child", **options).status()


def test_parents_are_named_by_handle_id_or_text(app: pgq.App) -> None:
    @app.task
    def child(ctx: pgq.Context, n: int) -> None: ...

    first, second, third = (app.submit("parent") for _ in range(3))
    handle = child.options(depends_on=[third, first.id, str(second.id), first], on_parent_failure="wait").submit(n=1)
    task = handle.status()
    assert (task.state, task.depends_on, task.on_parent_failure) == (
        "blocked",
        [third.id, first.id, second.id],
        "wait",
    )
    assert task.to_json()["depends_on"] == [str(third.id), str(first.id), str(second.id)]
    assert (task.workflow_id, task.schedule) == (None, None)


def test_an_empty_list_means_that_there_are_none(app: pgq.App) -> None:
    task = submitted(app, depends_on=[], on_parent_failure="run")
    assert (task.state, task.depends_on, task.on_parent_failure) == ("pending", [], None)


def test_a_schedule_is_told_by_the_header_that_it_leaves(app: pgq.App) -> None:
    assert submitted(app, headers={"schedule": "nightly"}).to_json()["schedule"] == "nightly"
    assert submitted(app, headers={"schedule": {"no": 1}}).schedule is None


def test_an_unknown_parent_is_an_error_of_its_own(app: pgq.App) -> None:
    known, unknown = app.submit("parent"), uuid4()
    with pytest.raises(pgq.UnknownParent, match=f"^depends_on: no task has the id {unknown}") as refused:
        app.submit("child", depends_on=[known, unknown])
    assert (refused.value.parent_id, refused.value.position) == (unknown, None)


@pytest.mark.parametrize("size", [3, COPY_ABOVE + 50], ids=["by statement", "most by COPY"])
def test_in_a_bulk_the_task_with_the_unknown_parent_is_named_and_nothing_is_submitted(app: pgq.App, size: int) -> None:
    parent, unknown = app.submit("parent"), uuid4()

    @app.task
    def child(ctx: pgq.Context, n: int = 0) -> None: ...

    many = [child.new(n=n) for n in range(size)]
    many[-2] = child.options(depends_on=[parent]).new()
    many[-1] = child.options(depends_on=[unknown]).new()
    with pytest.raises(
        pgq.UnknownParent, match=f"^task {size - 1}: depends_on: no task has the id {unknown}"
    ) as refused:
        app.submit_many(many)
    assert (refused.value.parent_id, refused.value.position) == (unknown, size - 1)

    many[-1] = child.options(depends_on=[parent], key="k").new()
    handles = app.submit_many(many)
    states = [handle.status().state for handle in (*handles[:2], *handles[-2:])]
    assert states == ["pending" if size > 3 or n == 0 else "blocked" for n in range(2)] + ["blocked"] * 2


async def test_async_code_names_parents_alike(async_app: pgq.App) -> None:
    parent = await async_app.submit_async("parent")
    child = await async_app.submit_async("child", depends_on=[parent])
    assert (await child.status_async()).depends_on == [parent.id]
    with pytest.raises(pgq.UnknownParent):
        await async_app.submit_async("child", depends_on=[uuid4()])


@pytest.mark.parametrize("calling", SYNC, ids=lambda way: way.__name__)
def test_a_parent_of_the_same_transaction_is_known(dsn: str, calling: Sync) -> None:
    with pgq.App("postgresql://nobody@127.0.0.1:1/nowhere") as app, calling(dsn) as caller:
        parent = app.submit("parent", connection=caller.connection)
        child = app.submit("child", depends_on=[parent], connection=caller.connection)
        caller.commit()
        assert state_of(dsn, child.id) == "blocked"
        with pytest.raises(pgq.UnknownParent) as refused:
            app.submit("child", depends_on=[missing := uuid4()], connection=caller.connection)
        assert refused.value.parent_id == missing


@pytest.mark.parametrize("calling", ASYNC, ids=lambda way: way.__name__)
async def test_a_parent_of_the_same_transaction_is_known_in_async_code(dsn: str, calling: Async) -> None:
    async with pgq.App("postgresql://nobody@127.0.0.1:1/nowhere") as app, calling(dsn) as caller:
        parent = await app.submit_async("parent", connection=caller.connection)
        child = await app.submit_async("child", depends_on=[parent], connection=caller.connection)
        await caller.commit()
        assert state_of(dsn, child.id) == "blocked"
        with pytest.raises(pgq.UnknownParent) as refused:
            await app.submit_async("child", depends_on=[missing := uuid4()], connection=caller.connection)
        assert refused.value.parent_id == missing


def state_of(dsn: str, task: UUID) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT state FROM pgq.task_status WHERE id = %s", [task]).fetchone()
    assert row is not None
    return str(row[0])
