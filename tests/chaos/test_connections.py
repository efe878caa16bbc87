"""Every part of a worker gets over the loss of its connection, also over one that stays open and says nothing more."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import pytest

import pgq
from pgq.db import connect, listener
from pgq.maintenance.duties import duties
from pgq.maintenance.ticker import Ticker
from pgq.worker import worker as worker_module
from pgq.worker.plan import ServedQueue, WorkerPlan
from pgq.worker.worker import Worker
from tests.proxy import Proxy, proxy_to
from tests.tasks import Tasks, tasks_of
from tests.until import PATIENCE

LEASE = 6.0
"""Seconds: to renew every third of it, to notice a silence, and to connect anew in time, on a slow machine too."""

PARTS = {
    "claimer": "AS lane (queue, priority, run_at, id)",
    "completer": "AS given (id, worker, epoch, state, result, error)",
    "lease keeper": "AS held, asked.id IN (SELECT e.id",
    "listener": "LISTEN pgq_ready",
    "ticker": "pgq.maintenance",
}
"""What each part says to the database and no other does."""


def cut(proxy: Proxy, part: str, tasks: Tasks) -> None:
    proxy.cut(part)


def silence(proxy: Proxy, part: str, tasks: Tasks) -> None:
    proxy.swallow(part)


def silence_answers(proxy: Proxy, part: str, tasks: Tasks) -> None:
    proxy.swallow(part, requests=False)


def terminate(proxy: Proxy, part: str, tasks: Tasks) -> None:
    """The backends' last statements may be anything, so all of them."""
    tasks.connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )


@dataclass
class Scene:
    """A worker behind a proxy, with one task that it holds until told."""

    proxy: Proxy
    tasks: Tasks
    worker: Worker
    running: "asyncio.Task[None]"
    held: UUID
    let_go: asyncio.Event


@pytest.fixture
def tasks(dsn: str) -> Iterator[Tasks]:
    with tasks_of(dsn) as tasks:
        yield tasks


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second where ten would only make the tests slow."""
    monkeypatch.setattr(connect, "PATIENCE", 0.5)
    monkeypatch.setattr(listener, "PROOF_EVERY", 0.5)
    monkeypatch.setattr(worker_module, "LAST_FLUSH", 1.0)


async def until_async(condition: Callable[[], object], what: str) -> None:
    """Until it is so; the loop goes on meanwhile."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 (no event tells what the database or the proxy holds)
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"waited in vain for {what}") from None


@asynccontextmanager
async def scene(dsn: str, tasks: Tasks) -> AsyncIterator[Scene]:
    app, let_go = pgq.App(dsn), asyncio.Event()

    @app.task
    async def hold() -> str:
        await let_go.wait()
        return "held"

    @app.task
    async def echo(value: int) -> int:
        return value

    with proxy_to(dsn) as proxy:
        plan = WorkerPlan(
            conninfo=proxy.conninfo,
            listen_conninfo=proxy.conninfo,
            handlers=app.handlers,
            queues=[ServedQueue("default")],
            name="test",
            poll=0.2,
            lease=LEASE,
            grace=1,
        )
        held = tasks.submit("hold")
        ticker = Ticker(proxy.conninfo, plan.id, duties(lease=LEASE, kind_grace=86_400), 7 * 86_400)
        worker = Worker(plan, beside=[ticker.run])
        running = asyncio.create_task(worker.run())
        try:
            tasks.submit("echo", value=0)
            for name, part in PARTS.items():
                await until_async(lambda part=part: proxy.lines(part), f"the {name} to speak")  # type: ignore[misc]
            yield Scene(proxy, tasks, worker, running, held, let_go)
        finally:
            running.cancel()
            proxy.silent = False
            proxy.cut()
            await asyncio.wait([running])
            # Inquiries end by themselves.
            await until_async(lambda: not proxy.lines(), "the last connections to end")


@pytest.mark.parametrize("harm", [cut, silence, silence_answers, terminate])
@pytest.mark.parametrize("name", PARTS)
async def test_a_part_gets_over_the_loss_of_its_connection(
    dsn: str, tasks: Tasks, name: str, harm: Callable[[Proxy, str, Tasks], None], caplog: pytest.LogCaptureFixture
) -> None:
    part = PARTS[name]
    async with scene(dsn, tasks) as on:
        before = on.proxy.lines(part)
        harm(on.proxy, part, tasks)
        echoed = [tasks.submit("echo", value=value) for value in range(3)]
        await until_async(lambda: set(on.proxy.lines(part)) - set(before), f"another connection of the {name}")
        await until_async(
            lambda: {row.state for row in tasks.rows(*echoed).values()} == {"succeeded"}, "all to be done"
        )
        on.let_go.set()
        await until_async(lambda: tasks.row(on.held).state == "succeeded", "the held task to end")
        assert tasks.row(on.held).attempt == 1
        assert "lease lost" not in caplog.text
        on.worker.stop()
        async with asyncio.timeout(PATIENCE):
            await on.running


def hears(worker: Worker) -> bool:
    return worker.listener.state is not None and worker.listener.state.state == "listening"


async def test_a_listener_that_hears_nothing_more_listens_again(dsn: str, tasks: Tasks) -> None:
    """Also when it is only the notifications that do not come: it asks, and that gets no answer either."""
    async with scene(dsn, tasks) as on:
        await until_async(lambda: hears(on.worker), "the listener")
        on.proxy.swallow(PARTS["listener"], requests=False)
        await until_async(lambda: not hears(on.worker), "the listener to notice")
        await until_async(lambda: hears(on.worker), "the listener to be back")


async def test_a_worker_whose_every_connection_is_silent_can_be_stopped(dsn: str, tasks: Tasks) -> None:
    async with scene(dsn, tasks) as on:
        on.proxy.silent = True
        on.proxy.swallow()
        on.let_go.set()
        on.worker.stop()
        async with asyncio.timeout(PATIENCE):
            await on.running


async def test_a_lease_outlives_the_silence_of_its_keepers_connection(
    dsn: str, tasks: Tasks, caplog: pytest.LogCaptureFixture
) -> None:
    """Again and again: each time it is given up early enough for another one to renew."""
    async with scene(dsn, tasks) as on:
        for _ in range(3):
            renewed_at = on.worker.lease_keeper.held[on.held].confirmed_at
            assert on.proxy.swallow(PARTS["lease keeper"])
            await until_async(
                lambda at=renewed_at: on.worker.lease_keeper.held[on.held].confirmed_at > at,  # type: ignore[misc]
                "the lease to be renewed",
            )
        expiry = "SELECT lease_expires_at > clock_timestamp() FROM pgq.tasks WHERE id = %s"
        assert tasks.value(expiry, on.held)
        assert (tasks.row(on.held).attempt, tasks.row(on.held).state) == (1, "running")
        assert "lease lost" not in caplog.text


async def test_a_slow_statement_is_waited_for(dsn: str, tasks: Tasks, caplog: pytest.LogCaptureFixture) -> None:
    """However long it takes: the server is asked, and says that it is at work on it."""
    async with scene(dsn, tasks) as on:
        (line,) = on.proxy.lines(PARTS["completer"])
        with tasks_of(dsn) as other, caplog.at_level(logging.WARNING), other.connection.transaction():
            other.connection.execute("LOCK TABLE pgq.task_history IN ACCESS EXCLUSIVE MODE")
            asked: set[object] = set()

            def asked_often() -> bool:
                asked.update(on.proxy.lines("pg_stat_activity"))
                return len(asked) >= 4

            on.let_go.set()
            await until_async(asked_often, "the server to be asked")
        await until_async(lambda: tasks.row(on.held).state == "succeeded", "the held task to end")
        assert tasks.row(on.held).attempt == 1
        assert on.proxy.lines(PARTS["completer"]) == [line]
