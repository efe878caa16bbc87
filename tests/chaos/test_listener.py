"""The listener proves that it hears, comes back when it does not, and the worker's row says which it is."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from pgq.db import listener as listener_module
from pgq.db.connect import connect_async
from pgq.db.listener import Listener
from pgq.worker import lease_keeper
from pgq.worker.worker import Worker
from tests.chaos.test_parts import make_plan, until_async
from tests.server import Databases, DatabaseServer
from tests.tasks import Tasks, tasks_of
from tests.until import PATIENCE


@pytest.fixture
def tasks(dsn: str) -> Iterator[Tasks]:
    with tasks_of(dsn) as tasks:
        yield tasks


@pytest.fixture
def soon_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    """The session is asked a second after it has heard something."""
    monkeypatch.setattr(listener_module, "PROOF_EVERY", 1.0)


@pytest.fixture(autouse=True)
def _quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_keeper, "BEAT_EVERY", 0.1)


class Ear:
    """A listener, and what it hears."""

    def __init__(self, dsn: str, listens_at: str | None = None) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.connected: asyncio.Queue[None] = asyncio.Queue()
        self.listener = Listener(
            listens_at or dsn,
            conninfo=dsn,
            on_ready=self.heard.put_nowait,
            on_cancel=self.heard.put_nowait,
            on_connected=lambda: self.connected.put_nowait(None),
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Ear"]:
        running = asyncio.create_task(self.listener.run())
        try:
            async with asyncio.timeout(PATIENCE):
                yield self
        finally:
            running.cancel()
            await asyncio.wait([running])

    @property
    def state(self) -> str | None:
        return self.listener.state.state if self.listener.state else None


@pytest.mark.usefixtures("soon_proved")
async def test_a_session_that_lost_its_listen_gets_it_back(dsn: str, tasks: Tasks) -> None:
    async with Ear(dsn).open() as ear:
        await ear.connected.get()
        before = ear.listener.state
        assert ear.listener.steady.connection is not None
        await ear.listener.steady.connection.execute("UNLISTEN *")
        await ear.connected.get()
        assert (ear.state, ear.listener.state != before) == ("listening", True)
        tasks.value("SELECT pg_notify('pgq_ready', 'default')")
        assert await ear.heard.get() == "default"


async def test_what_comes_during_the_proof_is_heard_too(
    dsn: str, tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:

    async def after_another(conninfo: str) -> psycopg.AsyncConnection[object]:
        tasks.value("SELECT pg_notify('pgq_ready', 'default'), pg_notify('pgq_proof', 'of another')")
        return await connect_async(conninfo)

    monkeypatch.setattr(listener_module, "connect_async", after_another)
    async with Ear(dsn).open() as ear:
        await ear.connected.get()
        assert ear.heard.get_nowait() == "default"


@pytest.mark.usefixtures("soon_proved")
async def test_a_direct_url_of_another_database_is_found_out(
    dsn: str, databases: Databases, template: str, caplog: pytest.LogCaptureFixture
) -> None:
    another = databases.create(template)
    try:
        with caplog.at_level(logging.WARNING):
            async with Ear(dsn, listens_at=another).open() as ear:
                while "let PGQ_DIRECT_URL name the same database" not in caplog.text:  # noqa: ASYNC110 (a log)
                    await asyncio.sleep(0.02)
                assert ear.connected.empty()
                assert ear.state == "reconnecting"
    finally:
        databases.drop(str(conninfo_to_dict(another)["dbname"]))


async def test_the_workers_row_says_whether_notifications_are_heard(
    dsn: str, tasks: Tasks, database_server: DatabaseServer, caplog: pytest.LogCaptureFixture
) -> None:
    def shows(state: str, since: str = "") -> str:
        return f"SELECT listener = '{state}' {since} FROM pgq.worker_utilization"

    name = conninfo_to_dict(dsn)["dbname"]
    worker = Worker(make_plan(dsn))
    with caplog.at_level(logging.INFO, "pgq.db"):
        running = asyncio.create_task(worker.run())
        await until_async(tasks, shows("listening"))
        since = tasks.value("SELECT listener_since FROM pgq.workers")
        await until_async(tasks, f"SELECT beat_at > '{since}'::timestamptz + interval '300 ms' FROM pgq.workers")
        assert tasks.value("SELECT listener_since FROM pgq.workers") == since
        assert worker.listener.steady.connection is not None
        with psycopg.connect(database_server.conninfo, autocommit=True) as admin:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            admin.execute("SELECT pg_terminate_backend(%s)", [worker.listener.steady.connection.info.backend_pid])
            await until_async(tasks, shows("reconnecting", f"AND listener_since > '{since}'"))
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await until_async(tasks, shows("listening", f"AND listener_since > '{since}'"))
        worker.stop()
        async with asyncio.timeout(PATIENCE):
            await running
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith("listener: ")]
    states = [line for line in said if "trying again" not in line]
    assert states == ["listener: listening", "listener: reconnecting", "listener: listening"]


async def test_a_worker_that_was_forgotten_says_it_again(dsn: str, tasks: Tasks) -> None:
    worker = Worker(make_plan(dsn))
    running = asyncio.create_task(worker.run())
    await until_async(tasks, "SELECT listener = 'listening' FROM pgq.workers")
    tasks.connection.execute("DELETE FROM pgq.workers")
    await until_async(tasks, "SELECT listener = 'listening' FROM pgq.workers")
    worker.stop()
    async with asyncio.timeout(PATIENCE):
        await running
