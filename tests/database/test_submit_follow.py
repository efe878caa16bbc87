"""A handle follows its task: look, wait, cancel, run again."""

import threading
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb
from pydantic import BaseModel

import pgq
from pgq.values.errors import InvalidResult
from tests.until import PATIENCE


class Receipt(BaseModel):
    day: date


@pytest.fixture
def app(dsn: str) -> Iterator[pgq.App]:
    with pgq.App(dsn) as app:
        yield app


@pytest.fixture
def database(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


KEPT = """
id, lease_epoch, created_at, run_at, timeout_seconds, priority, attempt, max_attempts, queue, kind, tags, headers,
payload
"""


def end(
    database: psycopg.Connection, handle: pgq.Handle[Any], state: str, result: Any = None, error: Any = None
) -> None:
    """What a worker or a duty does with a task at its end."""
    table, more, values = "task_history", ", state, result", ", %(state)s, %(result)s"
    if state == "dead":
        table, more, values = "dead_tasks", "", ""
    database.execute(
        f"WITH gone AS (DELETE FROM pgq.tasks WHERE id = %(id)s RETURNING *) "
        f"INSERT INTO pgq.{table} ({KEPT}, error, finished_at{more}) "
        f"SELECT {KEPT}, %(error)s, clock_timestamp(){values} FROM gone",
        {"id": handle.id, "state": state, "result": Jsonb(result), "error": error and Jsonb(error)},
    )


def test_a_result_has_the_handlers_return_type(app: pgq.App, database: psycopg.Connection) -> None:
    @app.task
    def charge(cents: int) -> Receipt: ...  # type: ignore[empty-body]

    handle = charge.submit(5)
    end(database, handle, "succeeded", {"day": "2026-11-22"})

    assert handle.result() == Receipt(day=date(2026, 11, 22))
    assert charge.handle(handle.id).result() == Receipt(day=date(2026, 11, 22))
    assert app.handle(handle.id).result() == {"day": "2026-11-22"}


def test_a_result_of_another_form_is_said_to_be_one(app: pgq.App, database: psycopg.Connection) -> None:
    @app.task
    def charge() -> Receipt: ...  # type: ignore[empty-body]

    handle = charge.submit()
    end(database, handle, "succeeded", "paid")

    with pytest.raises(InvalidResult):
        handle.result()


@pytest.mark.parametrize(
    ("state", "raised"), [("dead", pgq.TaskDead), ("cancelled", pgq.TaskCancelled), ("expired", pgq.TaskExpired)]
)
def test_a_task_that_failed_raises_how_and_why(
    app: pgq.App, database: psycopg.Connection, state: str, raised: type[pgq.TaskFailed]
) -> None:
    handle = app.submit("k")
    error = {"type": "CardDeclined", "message": "no money", "traceback": "", "attempt": 1, "at": None}
    end(database, handle, state, error=error)

    with pytest.raises(raised) as failed:
        handle.result(timeout=5)
    assert (failed.value.state, failed.value.error, failed.value.task_id) == (state, pgq.TaskError.of(error), handle.id)
    assert "CardDeclined: no money" in str(failed.value)


def test_waiting_returns_soon_after_the_end(app: pgq.App, database: psycopg.Connection) -> None:
    handle = app.submit("k")
    worker = threading.Timer(0.2, end, (database, handle, "succeeded", 7))
    worker.start()
    started = time.monotonic()

    assert handle.result(timeout=PATIENCE) == 7
    assert time.monotonic() - started < 2
    worker.join()


async def test_waiting_in_async_code_gives_up_after_its_timeout(dsn: str) -> None:
    async with pgq.App(dsn) as app:
        handle = await app.submit_async("k")

        with pytest.raises(TimeoutError, match=r"is still pending after 0\.05 seconds"):
            await handle.result_async(timeout=0.05)


def test_cancelling_ends_a_task_that_waits_and_tells_one_that_has_ended(app: pgq.App) -> None:
    handle = app.submit("k")

    assert handle.cancel() == "cancelled"
    assert handle.status().state == "cancelled"
    with pytest.raises(pgq.WrongState) as ended:
        handle.cancel()
    assert (ended.value.task_id, ended.value.state) == (handle.id, "cancelled")


async def test_a_cancelled_task_runs_again_as_a_new_one(dsn: str) -> None:
    async with pgq.App(dsn) as app:
        first = await app.submit_async("k", {"a": 1})
        await first.cancel_async()
        second = await first.retry_async()
        status = await second.status_async()

    assert second.created
    assert second.id != first.id
    assert (status.state, status.payload, status.headers) == ("pending", {"a": 1}, {"retried_from": str(first.id)})


def test_a_dead_task_runs_again_under_its_own_id(app: pgq.App, database: psycopg.Connection) -> None:
    handle = app.submit("k", {"a": 1})
    end(database, handle, "dead", error={"type": "E", "message": "m"})
    again = handle.retry()

    assert (again.id, again.created, again.status().state) == (handle.id, False, "pending")


def test_a_scheduled_task_runs_now(app: pgq.App) -> None:
    handle = app.submit("k", delay=3600)

    assert handle.status().state == "scheduled"
    assert handle.retry().status().state == "pending"
