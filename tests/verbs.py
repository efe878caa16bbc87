"""A database as the tests speak of it: the verbs of pgq's own statements, and the questions that prove a promise."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from pgq.db import duties as duties_db
from pgq.db import leases, outcomes
from pgq.db.outcomes import Finished, HandBack
from pgq.db.sql import sql
from pgq.maintenance.duties import duties
from pgq.maintenance.duty import Duty, Work
from pgq.values.outcome import BuryNow, CancelNow, Complete, ErrorInfo, Outcome, RetryLater, SnoozeFor
from pgq.values.task import Claimed
from tests.until import PATIENCE

A = UUID(int=0xA)
B = UUID(int=0xB)
"""Two workers."""

Connection = AsyncConnection[Any]

PATIENT = {"lock_timeout": f"{PATIENCE:g}s"}
"""For every session: whoever waits in vain for a lock fails, and does not hang."""

DONE = Complete("null")
CANCELLED = CancelNow("asked for")
FAILED = ErrorInfo("ValueError", "no such city", "")


class Database:
    """One migrated database; `connection` is its main session, in autocommit."""

    def __init__(self, conninfo: str, connection: Connection, closing: AsyncExitStack) -> None:
        self.conninfo = conninfo
        self.connection = connection
        self._closing = closing

    @classmethod
    @asynccontextmanager
    async def at(cls, conninfo: str) -> AsyncIterator[Self]:
        conninfo = make_conninfo(conninfo, options=options(PATIENT))
        async with AsyncExitStack() as closing:
            connection = await AsyncConnection.connect(conninfo, autocommit=True)
            await closing.enter_async_context(connection)
            yield cls(conninfo, connection, closing)

    async def another(self, *, autocommit: bool = True, **settings: Any) -> Connection:
        """One more session; rolled back and closed after the test. `settings` are the server's (`TimeZone=…`)."""
        conninfo = make_conninfo(self.conninfo, options=options({**PATIENT, **settings}))
        connection = await AsyncConnection.connect(conninfo, autocommit=autocommit)
        self._closing.push_async_callback(connection.close)
        return connection

    # Questions

    async def rows(self, query: str, *values: object, on: Connection | None = None) -> list[dict[str, Any]]:
        cursor = (on or self.connection).cursor(row_factory=dict_row)
        await cursor.execute(query.encode(), values or None)
        return await cursor.fetchall()

    async def value(self, query: str, *values: object, on: Connection | None = None) -> Any:
        """The first column of the first row; None without one."""
        rows = await self.rows(query, *values, on=on)
        return next(iter(rows[0].values())) if rows else None

    async def run(self, statement: str, *values: object, on: Connection | None = None) -> int:
        """How many rows a statement changed."""
        return (await (on or self.connection).execute(statement.encode(), values or None)).rowcount

    async def task(self, task: UUID) -> dict[str, Any]:
        """The task's row of pgq.task_status; without one the test fails."""
        (row,) = await self.rows("SELECT * FROM pgq.task_status WHERE id = %s", task)
        return row

    async def updates(self) -> tuple[int, int]:
        """The updates of tasks by this session that are not reported yet: all, and those that touched no index."""
        [row] = await self.rows(
            "SELECT n_tup_upd AS every, n_tup_hot_upd AS hot FROM pg_stat_xact_user_tables "
            "WHERE relid = 'pgq.tasks'::regclass"
        )
        return row["every"], row["hot"]

    async def state(self, task: UUID) -> str:
        return str((await self.task(task))["state"])

    async def attempts(self, task: UUID) -> list[str]:
        """What the task's failed attempts failed of, in order."""
        rows = await self.rows(
            "SELECT error ->> 'type' AS type FROM pgq.attempts WHERE task_id = %s ORDER BY lease_epoch, failed_at", task
        )
        return [row["type"] for row in rows]

    async def until_waiting(self, connection: Connection) -> None:
        """Return once the session waits for a lock: the order of two sessions is then certain."""
        waits = "SELECT true FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
        async with asyncio.timeout(PATIENCE):
            while not await self.value(waits, connection.info.backend_pid):
                pass

    # The verbs of submitters and operators

    async def submit(self, kind: str = "echo", *, on: Connection | None = None, **named: Any) -> UUID:
        """pgq.submit() with named arguments."""
        arguments = "".join(f", {name} => %s" for name in named)
        values = [json.dumps(value) if isinstance(value, dict) else value for value in named.values()]
        task: UUID = await self.value(f"SELECT pgq.submit(%s{arguments})", kind, *values, on=on)
        return task

    async def submit_many(self, *tasks: Mapping[str, object], on: Connection | None = None) -> list[tuple[UUID, bool]]:
        """pgq.submit_many(): the ids in the order asked, and whether each task is new."""
        rows = await self.rows(
            "SELECT id, created FROM pgq.submit_many(%s::jsonb) ORDER BY position", json.dumps(tasks), on=on
        )
        return [(row["id"], row["created"]) for row in rows]

    async def insert(self, *, on: Connection | None = None, **columns: Any) -> UUID:
        """A plain INSERT, as any other service does it."""
        columns = {"kind": "echo", **columns}
        values = [json.dumps(value) if isinstance(value, dict) else value for value in columns.values()]
        marks = ", ".join("%s" for _ in columns)
        task: UUID = await self.value(
            f"INSERT INTO pgq.tasks ({', '.join(columns)}) VALUES ({marks}) RETURNING id", *values, on=on
        )
        return task

    async def cancel(self, task: UUID, on: Connection | None = None) -> str:
        return str(await self.value("SELECT pgq.cancel(%s)", task, on=on))

    async def redrive(self, task: UUID) -> UUID:
        redriven: UUID = await self.value("SELECT pgq.redrive(%s)", task)
        return redriven

    async def retry(self, task: UUID) -> UUID:
        retried: UUID = await self.value("SELECT pgq.retry(%s)", task)
        return retried

    # The verbs of workers

    async def claim(
        self,
        worker: UUID = A,
        room: int = 100,
        *,
        queues: Sequence[str] = ("default",),
        budgets: Sequence[int] = (),
        kinds: Sequence[str] = ("echo",),
        lease: float = 60,
        on: Connection | None = None,
    ) -> list[Claimed]:
        return await leases.claim(
            on or self.connection,
            worker=worker,
            queues=queues,
            budgets=budgets or [room] * len(queues),
            kinds=kinds,
            room=room,
            lease=lease,
        )

    async def claim_one(self, worker: UUID = A, *, on: Connection | None = None) -> Claimed:
        (claimed,) = await self.claim(worker, 1, on=on)
        return claimed

    async def running(self, worker: UUID = A, **fields: Any) -> Claimed:
        """A new task, claimed."""
        await self.submit(**fields)
        return await self.claim_one(worker)

    async def ends(
        self, claimed: Claimed, outcome: Outcome | HandBack = DONE, worker: UUID = A, on: Connection | None = None
    ) -> bool:
        """Write an outcome; whether the fence let it through."""
        return bool(await outcomes.record(on or self.connection, worker, [Finished(claimed.lease, outcome)]))

    def extend(self, *claimed: Claimed, worker: UUID = A, lease: float = 60) -> list[leases.Extension]:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            return leases.extend(connection, worker=worker, leases=[one.lease for one in claimed], lease=lease)

    async def bury(self, **fields: Any) -> UUID:
        """A new task in the dead letters."""
        claimed = await self.running(**fields)
        assert await self.ends(claimed, BuryNow(FAILED))
        return claimed.id

    # Time and the duties

    async def expire_lease(self, task: UUID) -> None:
        await self.run("UPDATE pgq.tasks SET lease_expires_at = clock_timestamp() - interval '1 s' WHERE id = %s", task)

    async def make_due(self, task: UUID) -> None:
        await self.run("UPDATE pgq.tasks SET run_at = clock_timestamp() WHERE id = %s", task)

    async def tick(self, name: str, *, worker: UUID = A, on: Connection | None = None, **parameters: Any) -> int:
        """Do a duty as if it were due; how many rows it changed."""
        connection = on or self.connection
        await duties_db.make_due(connection, name)
        return (await take_turn(connection, duty(name), worker, **parameters))[0]

    async def drop_partition(self, parent: str, days_ahead: int) -> None:
        """Lose the partition of a day."""
        name = await self.value("SELECT to_char((now() AT TIME ZONE 'UTC')::date + %s, '_YYYYMMDD')", days_ahead)
        await self.run(f"DROP TABLE pgq.{parent}{name}")

    async def reap(self, on: Connection | None = None) -> int:
        return await self.tick("reaper", on=on)


def options(settings: Mapping[str, Any]) -> str:
    """Settings of the server as a connection asks for them."""
    return " ".join(f"-c {name}={str(value).replace(' ', chr(92) + ' ')}" for name, value in settings.items())


def duty(name: str) -> Duty:
    (found,) = (one for one in duties(lease=60, kind_grace=86_400) if one.name == name)
    return found


async def take_turn(connection: Connection, duty: Duty, worker: UUID = A, **parameters: Any) -> tuple[int, list[UUID]]:
    """A tick of one duty, as the ticker does it."""
    return await send(connection, duty, await duty.work(connection), worker, **parameters)


async def send(
    connection: Connection, duty: Duty, work: Work, worker: UUID = A, **parameters: Any
) -> tuple[int, list[UUID]]:
    """What a ticker sends once it knows what to do."""
    return await duties_db.take_turn_and_do(
        connection,
        duty=duty.name,
        worker=worker,
        period=duty.period,
        hold=duty.hold,
        statement=work.statement,
        parameters={**work.parameters, **parameters},
    )


def retry_later(delay: float = 0) -> RetryLater:
    return RetryLater(delay, FAILED)


def snooze(delay: float = 0) -> SnoozeFor:
    return SnoozeFor(delay)


def statement(name: str) -> bytes:
    """A shipped statement, for tests that look at its plan."""
    return sql(name).encode()
