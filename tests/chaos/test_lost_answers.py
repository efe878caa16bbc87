"""Answers that never come: an outcome has its effect once, and a submitter is told that nobody knows."""

import asyncio
import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest

import pgq
from pgq.db import connect, pool
from pgq.db.connect import connect_async
from pgq.db.leases import claim
from pgq.db.outcomes import Finished, HandBack
from pgq.values.errors import AnswerLost
from pgq.values.outcome import BuryNow, CancelNow, Complete, ErrorInfo, Outcome, RetryLater, SnoozeFor
from pgq.values.task import Lease
from pgq.worker.completer import Completer
from tests.proxy import proxy_to
from tests.tasks import Tasks, tasks_of
from tests.until import PATIENCE

WHY = ErrorInfo("ValueError", "no", "")


@pytest.fixture
def tasks(dsn: str) -> Iterator[Tasks]:
    with tasks_of(dsn) as tasks:
        yield tasks


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "PATIENCE", 0.3)
    monkeypatch.setattr(pool, "PATIENCE", 0.3)


@pytest.mark.parametrize(
    ("outcome", "statement", "shown", "counted", "failures"),
    [
        (Complete("1"), "INSERT INTO pgq.task_history", "succeeded", 1, 0),
        (CancelNow("enough"), "INSERT INTO pgq.task_history", "cancelled", 1, 0),
        (BuryNow(WHY), "INSERT INTO pgq.dead_tasks", "dead", 1, 1),
        (RetryLater(60, WHY), "INSERT INTO pgq.attempts", "retrying", 1, 1),
        (SnoozeFor(60), "INSERT INTO pgq.attempts", "scheduled", 0, 0),
        (HandBack(), "INSERT INTO pgq.attempts", "pending", 0, 0),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_an_outcome_whose_answer_is_lost_has_its_effect_once(
    dsn: str,
    tasks: Tasks,
    outcome: Outcome | HandBack,
    statement: str,
    shown: str,
    counted: int,
    failures: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker, task, released = uuid4(), tasks.submit("echo"), list[Lease]()
    async with await connect_async(dsn) as connection:
        [held] = await claim(
            connection, worker=worker, queues=["default"], budgets=[1], kinds=["echo"], room=1, lease=60
        )
    with proxy_to(dsn) as proxy:
        completer = Completer(proxy.conninfo, worker, released.extend)
        delivered = proxy.swallow_answer_to(statement)
        async with asyncio.timeout(PATIENCE):
            await completer.write([Finished(held.lease, outcome)])
        assert delivered.is_set()
        await completer.steady.drop()
    assert (tasks.row(task).state, tasks.row(task).attempt) == (shown, counted)
    assert tasks.value("SELECT count(*) FROM pgq.attempts") == failures
    assert released == [held.lease]
    assert "lease lost" not in caplog.text


def test_a_submit_whose_answer_is_lost_says_so_and_can_be_repeated(dsn: str, tasks: Tasks) -> None:
    with proxy_to(dsn) as proxy, pgq.App(proxy.conninfo) as app:
        proxy.swallow_answer_to("pgq.submit_many")
        with pytest.raises(AnswerLost, match=r"may have been done, or not\. A submit with a key can be repeated"):
            app.submit("echo", {"value": 1}, key="once")
        again = app.submit("echo", {"value": 1}, key="once")
        assert not again.created
        assert list(tasks.rows()) == [again.id]


async def test_an_async_submit_whose_answer_is_lost_says_so_and_can_be_repeated(dsn: str, tasks: Tasks) -> None:
    with proxy_to(dsn) as proxy:
        async with pgq.App(proxy.conninfo) as app:
            proxy.swallow_answer_to("pgq.submit_many")
            with pytest.raises(AnswerLost):
                await app.submit_async("echo", {"value": 1}, key="once")
            assert (await app.submit_async("echo", {"value": 1}, key="once")).created is False
    assert len(tasks.rows()) == 1


def take(value: str) -> None: ...


def test_a_bulk_submit_into_silence_ends(dsn: str, tasks: Tasks) -> None:
    """The server waits for the rows, and the client for the word to send them."""
    with proxy_to(dsn) as proxy, pgq.App(proxy.conninfo) as app:
        big = app.task(kind="big")(take)
        many = [big.new(value="x" * 10_000) for _ in range(1_000)]
        proxy.swallow_answer_to("COPY")
        with pytest.raises(AnswerLost):
            app.submit_many(many)
    assert not tasks.rows()


@pytest.mark.parametrize("harm", ["cut", "terminate"])
def test_a_submit_over_a_connection_that_was_ended_goes_over_another(dsn: str, tasks: Tasks, harm: str) -> None:
    with proxy_to(dsn) as proxy, pgq.App(proxy.conninfo) as app:
        app.submit("echo")
        if harm == "cut":
            assert proxy.cut()
        else:
            tasks.connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        app.submit("echo")
    assert len(tasks.rows()) == 2


def test_a_submit_to_a_database_that_says_nothing_ends(dsn: str) -> None:
    """Nothing was sent, so nothing is in doubt."""
    with proxy_to(dsn) as proxy, pgq.App(proxy.conninfo) as app:
        proxy.silent = True
        with pytest.raises(pgq.DatabaseUnavailable) as raised:
            app.submit("echo")
        assert type(raised.value) is pgq.DatabaseUnavailable


def test_an_app_whose_connections_are_silent_can_be_closed(dsn: str) -> None:
    with proxy_to(dsn) as proxy:
        app = pgq.App(proxy.conninfo)
        app.submit("echo")
        proxy.silent = True
        assert proxy.swallow()
        closing = threading.Thread(target=app.close, daemon=True)
        closing.start()
        closing.join(PATIENCE)
        assert not closing.is_alive()
