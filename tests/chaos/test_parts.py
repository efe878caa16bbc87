"""What befalls one part of a worker, or one row, does not spread; and a part that dies takes its worker with it."""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID, uuid4

import psycopg
import pytest
from pydantic import BaseModel

import pgq
from pgq.db.connect import connect, connect_async
from pgq.db.leases import claim
from pgq.db.outcomes import Finished, record, settled
from pgq.db.steady import SteadyConnection
from pgq.db.workers import WorkerRow, register
from pgq.maintenance.duties import duties
from pgq.maintenance.ticker import Ticker
from pgq.values.outcome import Complete
from pgq.values.task import Claimed, Lease
from pgq.worker import claimer
from pgq.worker.completer import Completer
from pgq.worker.plan import ServedQueue, WorkerPlan, published
from pgq.worker.worker import Worker
from tests.tasks import Tasks, tasks_of
from tests.until import PATIENCE

REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.payload ? 'bad' THEN RAISE EXCEPTION 'this row is bad' USING ERRCODE = '{state}'; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"""

STATES = ["23514", "22003", "54000", "54001", "57014", "40001", "XX000"]
"""What a row may be refused with: a constraint, a value, limits, a timeout, a serialization failure, a bug."""


@pytest.fixture
def tasks(dsn: str) -> Iterator[Tasks]:
    with tasks_of(dsn) as tasks:
        yield tasks


async def until_async(tasks: Tasks, query: str) -> None:
    """Until the query answers true; the loop goes on meanwhile."""
    async with asyncio.timeout(PATIENCE):
        while not tasks.value(query):  # noqa: ASYNC110 (no event tells what the database holds)
            await asyncio.sleep(0.02)


def make_plan(dsn: str) -> WorkerPlan:
    app = pgq.App(dsn)

    @app.task
    async def echo() -> int:
        return 1

    return WorkerPlan(
        conninfo=dsn, listen_conninfo=dsn, handlers=app.handlers, queues=[ServedQueue("default")], name="test", poll=0.2
    )


@asynccontextmanager
async def ticking(dsn: str) -> AsyncIterator["asyncio.Task[None]"]:
    """A ticker at work."""
    ticker = asyncio.create_task(Ticker(dsn, uuid4(), duties(lease=60, kind_grace=86_400), 7 * 86_400).run())
    try:
        yield ticker
    finally:
        ticker.cancel()
        await asyncio.wait([ticker])


async def claimed(dsn: str, worker: UUID, room: int = 9) -> list[Claimed]:
    async with await connect_async(dsn) as connection:
        return await claim(
            connection, worker=worker, queues=["default"], budgets=[room], kinds=["echo"], room=room, lease=60
        )


@pytest.mark.parametrize("state", STATES)
async def test_one_bad_row_stops_neither_the_reaper_nor_its_batch(dsn: str, tasks: Tasks, state: str) -> None:
    tasks.connection.execute(REFUSE.format(state=state, table="pgq.dead_tasks"))
    bad = tasks.submit("echo", attempts=1, bad=1)
    good = [tasks.submit("echo", attempts=1) for _ in range(3)]
    await claimed(dsn, uuid4())
    tasks.connection.execute("UPDATE pgq.tasks SET lease_expires_at = clock_timestamp() - interval '1 s'")
    async with ticking(dsn) as ticker:
        await until_async(tasks, "SELECT count(*) = 3 FROM pgq.dead_tasks")
        await until_async(tasks, "SELECT failure LIKE '%this row is bad%' FROM pgq.maintenance WHERE duty = 'reaper'")
        assert not ticker.done()
    assert {row.state for row in tasks.rows(*good).values()} == {"dead"}
    assert tasks.row(bad).state == "running"


async def test_one_bad_row_stops_neither_the_expirer_nor_its_batch(dsn: str, tasks: Tasks) -> None:
    tasks.connection.execute(REFUSE.format(state="23514", table="pgq.task_history"))
    bad = tasks.submit("echo", bad=1)
    good = [tasks.submit("echo") for _ in range(3)]
    tasks.connection.execute("UPDATE pgq.tasks SET expires_at = clock_timestamp() - interval '1 s'")
    async with ticking(dsn):
        await until_async(tasks, "SELECT count(*) = 3 FROM pgq.task_history WHERE state = 'expired'")
    assert {row.state for row in tasks.rows(*good).values()} == {"expired"}
    assert tasks.row(bad).state == "pending"


async def test_one_bad_row_stops_neither_the_undertaker_nor_its_batch(dsn: str, tasks: Tasks) -> None:
    tasks.connection.execute(REFUSE.format(state="23514", table="pgq.dead_tasks"))
    bad = tasks.submit("echo", bad=1)
    good = [tasks.submit("echo") for _ in range(3)]
    tasks.connection.execute(
        "UPDATE pgq.tasks SET created_at = created_at - interval '2 days', run_at = run_at - interval '2 days'"
    )
    async with ticking(dsn):
        await until_async(tasks, "SELECT count(*) = 3 FROM pgq.dead_tasks WHERE error ->> 'type' = 'UnknownKind'")
    assert {row.state for row in tasks.rows(*good).values()} == {"dead"}
    assert tasks.row(bad).state == "pending"


@pytest.mark.parametrize("state", STATES)
async def test_a_duty_that_fails_keeps_no_other_from_its_turn(dsn: str, tasks: Tasks, state: str) -> None:
    tasks.connection.execute(REFUSE.format(state=state, table="pgq.task_history"))
    tasks.submit("echo", bad=1)
    tasks.connection.execute("UPDATE pgq.tasks SET expires_at = clock_timestamp() - interval '1 s'")
    async with ticking(dsn) as ticker:
        await until_async(tasks, "SELECT failure LIKE '%this row is bad%' FROM pgq.maintenance WHERE duty = 'expirer'")
        await until_async(
            tasks, "SELECT bool_and(last_changed IS NOT NULL) FROM pgq.maintenance WHERE duty <> 'expirer'"
        )
        assert not ticker.done()


@pytest.mark.parametrize("state", ["23514", "22003", "54000", "54001"])
async def test_an_outcome_that_cannot_be_kept_costs_only_itself(dsn: str, tasks: Tasks, state: str) -> None:
    tasks.connection.execute(REFUSE.format(state=state, table="pgq.task_history"))
    bad, worker = tasks.submit("echo", bad=1), uuid4()
    good = [tasks.submit("echo") for _ in range(4)]
    completer = Completer(dsn, worker, lambda leases: None)
    for task in await claimed(dsn, worker):
        completer.add(Finished(task.lease, Complete("1")))
    running = asyncio.create_task(completer.run())
    async with asyncio.timeout(PATIENCE):
        await completer.flushed()
    running.cancel()
    await asyncio.wait([running])
    assert {row.state for row in tasks.rows(*good).values()} == {"succeeded"}
    assert (tasks.row(bad).state, tasks.row(bad).error["type"]) == ("dead", "UnstorableOutcome")


@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.parametrize("attempts", [1, 2])
async def test_what_the_reaper_ended_is_not_taken_for_our_own_outcome(
    dsn: str, tasks: Tasks, cancelled: bool, attempts: int, caplog: pytest.LogCaptureFixture
) -> None:
    worker, task = uuid4(), tasks.submit("echo", attempts=attempts)
    [held] = await claimed(dsn, worker)
    if cancelled:
        tasks.value("SELECT pgq.cancel(%s)", task)
    tasks.connection.execute("UPDATE pgq.tasks SET lease_expires_at = clock_timestamp() - interval '1 s'")
    async with ticking(dsn):
        await until_async(tasks, "SELECT NOT EXISTS (SELECT FROM pgq.tasks WHERE state = 'running')")
    async with await connect_async(dsn) as connection:
        assert await settled(connection, [held.lease]) == set()
    completer = Completer(dsn, worker, lambda leases: None)
    with caplog.at_level(logging.WARNING):
        await completer.write([Finished(held.lease, Complete("1"))])
    await completer.steady.drop()
    assert f"lease lost: task {task}" in caplog.text


async def test_an_outcome_whose_commit_got_no_answer_is_no_lost_lease(
    dsn: str, tasks: Tasks, caplog: pytest.LogCaptureFixture
) -> None:
    worker, task = uuid4(), tasks.submit("echo")
    [held] = await claimed(dsn, worker)
    done = Finished(held.lease, Complete("1"))
    written: list[Lease] = []
    completer = Completer(dsn, worker, written.extend)
    async with await connect_async(dsn) as connection:
        await record(connection, worker, [done])  # committed, and its answer lost: the completer tries again
    with caplog.at_level(logging.WARNING):
        await completer.write([done])
    await completer.steady.drop()
    assert written == [held.lease]
    assert tasks.row(task).result == 1
    assert "lease lost" not in caplog.text


class Infinite(BaseModel):
    limit: float = math.inf


class Nul(BaseModel):
    separator: str = "\0"


@pytest.mark.parametrize("model", [Infinite, Nul])
def test_a_default_that_json_cannot_keep_keeps_no_worker_from_starting(
    dsn: str, tasks: Tasks, model: type[BaseModel]
) -> None:
    async def handler(options: object) -> None: ...

    handler.__annotations__["options"] = model
    app = pgq.App(dsn)
    app.task(kind="odd")(handler)
    row = WorkerRow(
        id=uuid4(), name="w", hostname="h", pid=1, version="0", queues=["default"], kinds=["odd"], capacity=1
    )
    with connect(dsn) as connection:
        register(connection, row, published(app.handlers))
    assert tasks.value("SELECT payload_schema FROM pgq.kinds WHERE kind = 'odd'") == {"type": "object"}


async def test_a_part_still_tries_after_days_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    steady = SteadyConnection("", "part")
    naps: list[float] = []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    for _ in range(5_000):
        await steady.recover(psycopg.OperationalError("nobody there"))
    assert max(naps) <= 5


async def test_a_worker_without_its_lease_keeper_ends(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would lose every task after a while, and look healthy."""
    worker = Worker(replace(make_plan(dsn), lease=1))
    monkeypatch.setattr(worker.lease_keeper, "run", lambda: None)
    monkeypatch.setattr(worker.lease_keeper.thread, "_target", lambda: None)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(ExceptionGroup, match="unhandled errors"):
            await worker.run()


async def test_a_worker_that_was_forgotten_says_again_that_it_waits(
    dsn: str, tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a freeze of a minute it is taken out of the sleepers, after one of an hour out of the workers."""
    monkeypatch.setattr(claimer, "SAY_AGAIN", 0.1)
    worker = Worker(make_plan(dsn))
    running = asyncio.create_task(worker.run())
    waits = "SELECT count(*) = 1 FROM pgq.waiting_workers"
    await until_async(tasks, waits)
    tasks.connection.execute("DELETE FROM pgq.waiting_workers")
    await until_async(tasks, waits)
    worker.stop()
    async with asyncio.timeout(PATIENCE):
        await running


async def test_what_a_claim_took_whose_answer_was_lost_is_handed_back_on_a_new_connection(
    dsn: str, tasks: Tasks
) -> None:
    """At once, and without having used an attempt: no lease has to run out for it."""
    plan = make_plan(dsn)
    unheard, another = tasks.submit("echo"), tasks.submit("echo")
    await claimed(dsn, plan.id, room=1)
    await claimed(dsn, uuid4(), room=1)
    worker = Worker(plan)
    running = asyncio.create_task(worker.run())
    await until_async(tasks, "SELECT count(*) = 1 FROM pgq.task_history")
    worker.stop()
    async with asyncio.timeout(PATIENCE):
        await running
    assert (tasks.row(unheard).state, tasks.row(unheard).attempt) == ("succeeded", 1)
    assert tasks.row(another).state == "running"


async def test_what_a_worker_runs_is_not_handed_back_when_it_connects_again(dsn: str, tasks: Tasks) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    app = pgq.App(dsn)

    @app.task
    async def slow() -> None:
        begun.set()
        await go_on.wait()

    plan = WorkerPlan(
        conninfo=dsn, listen_conninfo=dsn, handlers=app.handlers, queues=[ServedQueue("default")], name="w"
    )
    worker = Worker(plan)
    running = asyncio.create_task(worker.run())
    task = tasks.submit("slow")
    async with asyncio.timeout(PATIENCE):
        await begun.wait()
    epoch = tasks.row(task).lease_epoch
    async with await connect_async(dsn) as connection:
        await worker.hand_back_strays(connection)
    assert not worker.completer.backlog
    go_on.set()
    await until_async(tasks, "SELECT count(*) = 1 FROM pgq.task_history")
    worker.stop()
    async with asyncio.timeout(PATIENCE):
        await running
    assert tasks.row(task).lease_epoch == epoch


async def test_a_claim_whose_lease_ran_out_before_it_was_heard_of_begins_no_handler(
    dsn: str, tasks: Tasks, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker was frozen between its question and the answer, and another one has the tasks."""
    plan, task = make_plan(dsn), tasks.submit("echo")
    worker = Worker(plan)
    late = await claimed(dsn, plan.id)
    worker.start(late, asked_at=time.monotonic() - plan.lease)
    async with asyncio.timeout(PATIENCE):
        await worker.executor.idle.wait()
    assert f"lease lost: task {task}" in caplog.text
    assert not worker.completer.backlog
