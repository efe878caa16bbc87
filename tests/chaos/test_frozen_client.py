"""A process that freezes between two messages to the database holds nothing that others need.

Frozen here is the event loop, at every point where it could be: by SIGSTOP, or by a handler that blocks it.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import AsyncConnection

from pgq.db import workers
from pgq.db.connect import connect, connect_async
from pgq.db.duties import take_turn_and_do
from pgq.db.leases import claim
from pgq.db.outcomes import Finished, HandBack, record
from pgq.maintenance.duties import duties
from pgq.maintenance.duty import Duty
from pgq.values.outcome import BuryNow, Complete, ErrorInfo, Outcome, RetryLater
from tests.tasks import Tasks, tasks_of
from tests.until import until

WHY = ErrorInfo("ValueError", "no", "")


async def freeze_at_every_step(work: Coroutine[Any, Any, Any], watching: Tasks, backend: int) -> None:
    """Stop the loop after each of its rounds; the backend must then come to hold no lock, without our help."""
    doing = asyncio.ensure_future(work)
    held = "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE pid = %s)"
    while not doing.done():
        await asyncio.sleep(0)
        until(lambda: watching.value(held, backend), "the backend of a frozen client to let go of its locks")
    await doing


@pytest.mark.parametrize("duty", duties(lease=60, kind_grace=60), ids=lambda duty: duty.name)
async def test_a_frozen_tick_holds_no_duty(dsn: str, duty: Duty) -> None:
    with tasks_of(dsn) as watching:
        watching.connection.execute("INSERT INTO pgq.schedules (name, cron, kind) VALUES ('s', '* * * * * *', 'echo')")
        watching.connection.execute("UPDATE pgq.schedules SET next_tick_at = '2026-01-01Z', due_at = '2026-01-01Z'")
        async with await connect_async(dsn) as connection:
            await freeze_at_every_step(turn(connection, duty), watching, connection.info.backend_pid)
        assert watching.value("SELECT runs FROM pgq.maintenance WHERE duty = %s", duty.name) == 1


async def turn(connection: AsyncConnection[Any], duty: Duty) -> None:
    """What a ticker does when a duty is due."""
    work = await duty.work(connection)
    await take_turn_and_do(
        connection,
        duty=duty.name,
        worker=uuid4(),
        period=duty.period,
        hold=duty.hold,
        statement=work.statement,
        parameters=work.parameters,
    )


async def test_a_frozen_completer_holds_no_row(dsn: str) -> None:
    worker = uuid4()
    with tasks_of(dsn) as watching:
        for _ in range(8):
            watching.submit("echo")
        async with await connect_async(dsn) as connection:
            held = await claim(
                connection, worker=worker, queues=["default"], budgets=[8], kinds=["echo"], room=8, lease=60
            )
            outcomes: list[Outcome | HandBack] = [Complete("1"), BuryNow(WHY), RetryLater(60, WHY), HandBack()] * 2
            finished = [Finished(task.lease, outcome) for task, outcome in zip(held, outcomes, strict=True)]
            await freeze_at_every_step(record(connection, worker, finished), watching, connection.info.backend_pid)
        states = sorted(row.state for row in watching.rows().values())
        assert states == ["dead"] * 2 + ["pending"] * 2 + ["retrying"] * 2 + ["succeeded"] * 2


def test_a_beat_waits_for_nobody(dsn: str) -> None:
    """Or one frozen worker would keep the lease keepers of all others from renewing."""
    row = workers.WorkerRow(
        id=uuid4(), name="w", hostname="h", pid=1, version="0", queues=["default"], kinds=["a", "b"], capacity=1
    )
    kinds = [
        workers.PublishedKind(
            kind=kind, queue="default", priority=5, max_attempts=4, timeout_seconds=None, payload_schema={}
        )
        for kind in row.kinds
    ]
    with connect(dsn) as connection, psycopg.connect(dsn) as another:
        workers.register(connection, row, kinds)
        connection.execute("UPDATE pgq.kinds SET seen_at = seen_at - interval '1 hour'")
        another.execute("SELECT FROM pgq.kinds WHERE kind = 'a' FOR UPDATE")
        connection.execute("SET lock_timeout = '5s'")
        assert workers.beat(connection, row.id, "running", row.kinds)
        seen = connection.execute("SELECT kind FROM pgq.kinds WHERE seen_at > clock_timestamp() - interval '1 minute'")
        assert seen.fetchall() == [("b",)]
