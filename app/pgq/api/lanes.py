"""How submits share statements: a lane for tasks without keys and one for tasks with keys, each on its own connection.

While one statement is under way the next tasks gather. A task that is refused is found by halving: it costs the others
a few more round trips, nothing else.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import AsyncConnection

from pgq.api.gather import Gather
from pgq.api.problems import Problem
from pgq.client.submission import NewTask
from pgq.db.connect import pooled
from pgq.db.errors import one_line, translated
from pgq.db.follow import look
from pgq.db.pool import Pools
from pgq.db.steady import SteadyConnection
from pgq.db.submits import Stored, insert_tasks, is_connected, submit_keyed
from pgq.values.errors import DatabaseUnavailable, NotAllowed, SchemaError, TaskNotFound
from pgq.values.task import TaskStatus

CHARACTERS = 8_000_000
"""One statement carries at most so much text."""
STATEMENT_SECONDS = 30.0
"""A statement that takes longer is given up as lost."""
SETTLE_SECONDS = 5.0
"""How long to find out what became of a statement that got no answer."""
KEY_SECONDS = 0.2
"""How long a shared statement waits for a key that another session holds."""
LONE_KEY_SECONDS = 10.0
"""How long a statement of its own does."""
SHARED = (DatabaseUnavailable, SchemaError, NotAllowed)
"""What no task of a statement is to blame for."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A task to be stored, under an id made here. `payload` is what the answer shows, `text` what the database gets."""

    id: UUID
    task: NewTask[Any]
    payload: dict[str, Any]
    text: str


class Accepted(NamedTuple):
    """A task that is stored. Not `created`: its key was known, and this is the first task that had it."""

    task: TaskStatus
    created: bool


Answer = Accepted | Exception


@dataclass(frozen=True, slots=True)
class Lost:
    """A statement that got no answer: which server process had it, since when, and whether it was a second try."""

    pid: int | None
    began: float
    again: bool

    async def has_gone(self, connection: AsyncConnection[Any]) -> bool:
        """Whether the process is certain not to commit it any more; behind a pooler nobody knows its process."""
        return self.pid is not None and not await is_connected(connection, self.pid, time.monotonic() - self.began)


class Unread(psycopg.OperationalError):
    """The tasks of a statement are stored, and could not be read after that: nobody may be told that they are not."""


class Contended(Exception):
    """Another session holds a key of this statement, maybe this task's; `alone` waits for it without the others."""


class Lane:
    """Tasks without keys."""

    def __init__(self, conninfo: str) -> None:
        self.steady = SteadyConnection(conninfo, "submitter")
        self.gather: Gather[Wanted, Accepted] = Gather(self.submit)

    async def submit(self, wanted: Sequence[Wanted]) -> list[Answer]:
        """The answers in order."""
        return [answer for portion in portions(wanted) for answer in await self.attempt(portion)]

    async def attempt(self, wanted: Sequence[Wanted], *, again: bool = False) -> list[Answer]:
        """Store tasks, all or none; when they are refused, each half by itself."""
        try:
            connection = await self.steady.get()
        except psycopg.Error as error:
            return [translated(error)] * len(wanted)
        pid = None if pooled(connection) else connection.info.backend_pid
        began = time.monotonic()
        try:
            async with asyncio.timeout(STATEMENT_SECONDS):
                return await self.store(connection, wanted)
        except (psycopg.Error, TimeoutError) as error:
            if is_lost(connection, error):
                await self.steady.drop()
                return await self.settle(wanted, Lost(pid, began, again))
            return await self.refused(wanted, error)

    async def store(self, connection: AsyncConnection[Any], wanted: Sequence[Wanted]) -> list[Answer]:
        """One statement, which says itself what it stored.

        Of a task with parents only a second one knows what became of it: a parent may have failed already.
        """
        stored = await insert_tasks(connection, (one.text for one in wanted))
        children = [one.id for one in wanted if one.task.parents]
        seen = await read(connection, children) if children else {}
        return [Accepted(seen.get(one.id) or shown(one, stored[one.id]), True) for one in wanted]

    async def refused(self, wanted: Sequence[Wanted], error: Exception) -> list[Answer]:
        """Nothing of this was stored. Find out which task is to blame."""
        known = translated(error)
        if len(wanted) == 1 or isinstance(known, SHARED):
            return [known] * len(wanted)
        middle = len(wanted) // 2
        return [*await self.attempt(wanted[:middle]), *await self.attempt(wanted[middle:])]

    async def settle(self, wanted: Sequence[Wanted], lost: Lost) -> list[Answer]:
        """After a statement that got no answer: its tasks are stored, or certainly are not, or nobody knows.

        They are not when the server process that could still commit them has gone; then they are stored now, once.
        """
        until = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < until:
            try:
                connection = await self.steady.get()
                # Asked first: what a process committed is seen once it has gone.
                gone = await lost.has_gone(connection)
                found = await look(connection, [one.id for one in wanted])
            except psycopg.Error as error:
                await self.steady.recover(error)
                continue
            if found:  # one transaction: all or none
                return [Accepted(found[one.id], True) if one.id in found else unknown(one) for one in wanted]
            if gone and lost.again:
                return [DatabaseUnavailable("the connection was lost; nothing was stored")] * len(wanted)
            if gone:
                return await self.attempt(wanted, again=True)
            await asyncio.sleep(0.1)
        return [unknown(one) for one in wanted]

    async def close(self) -> None:
        """Finish what has gathered, then close the connection."""
        if self.gather.running is not None:
            await self.gather.running
        await self.steady.drop()


class KeyedLane(Lane):
    """Tasks with keys. The same again is the same request, so what got no answer is simply submitted again."""

    def __init__(self, conninfo: str, pools: Pools) -> None:
        super().__init__(conninfo)
        self.pools = pools

    async def store(
        self, connection: AsyncConnection[Any], wanted: Sequence[Wanted], patience: float = KEY_SECONDS
    ) -> list[Answer]:
        """Two statements: the second one reads what the first one stored or knew."""
        ids = await submit_keyed(connection, (one.text for one in wanted), patience)
        found = await read(connection, ids)
        return [
            Accepted(found[id], id == one.id) if id in found else TaskNotFound(id)
            for one, id in zip(wanted, ids, strict=True)
        ]

    async def refused(self, wanted: Sequence[Wanted], error: Exception) -> list[Answer]:
        """A key that another session holds must not keep the others waiting."""
        if isinstance(error, psycopg.errors.LockNotAvailable):
            return [Contended()] * len(wanted)
        return await super().refused(wanted, error)

    async def alone(self, wanted: Wanted) -> Accepted:
        """Store one task over a connection of the pool. Raises the same as a submit does."""
        try:
            async with self.pools.connection_async() as connection:
                (answer,) = await self.store(connection, [wanted], LONE_KEY_SECONDS)
        except psycopg.errors.LockNotAvailable:
            raise Problem(
                "commit_unknown", f"another session holds the key {wanted.task.key!r}; repeat the request"
            ) from None
        except psycopg.Error as error:
            known = translated(error)
            raise unknown(wanted) if isinstance(known, DatabaseUnavailable) else known from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def settle(self, wanted: Sequence[Wanted], lost: Lost) -> list[Answer]:
        """Submit again, once the database answers."""
        until = time.monotonic() + SETTLE_SECONDS
        while not lost.again and time.monotonic() < until:
            try:
                await self.steady.get()
            except psycopg.Error as error:
                await self.steady.recover(error)
            else:
                return await self.attempt(wanted, again=True)
        return [unknown(one) for one in wanted]


async def read(connection: AsyncConnection[Any], ids: Sequence[UUID]) -> dict[UUID, TaskStatus]:
    """These tasks, which are stored. Raises Unread, which counts as a lost answer."""
    try:
        return await look(connection, ids)
    except psycopg.Error as error:
        raise Unread(one_line(error)) from error


def shown(wanted: Wanted, stored: Stored) -> TaskStatus:
    """A new task without parents as everybody sees it."""
    fields = wanted.task.fields
    return TaskStatus(
        id=stored.id,
        kind=wanted.task.kind,
        queue=stored.queue,
        state=stored.state,
        payload=wanted.payload,
        priority=stored.priority,
        attempt=0,
        progress=None,
        max_attempts=stored.max_attempts,
        created_at=stored.created_at,
        run_at=stored.run_at,
        expires_at=stored.expires_at,
        started_at=None,
        finished_at=None,
        timeout_seconds=stored.timeout_seconds,
        idempotency_key=None,
        depends_on=[],
        on_parent_failure=None,
        tags=fields.get("tags", []),
        headers=fields.get("headers", {}),
        workflow_id=None,
        worker_id=None,
        lease_expires_at=None,
        cancel_requested_at=None,
        lease_epoch=0,
        result=None,
        error=None,
    )


def is_lost(connection: AsyncConnection[Any], error: Exception) -> bool:
    """Whether the statement got no answer, so that nobody knows what it did."""
    return connection.closed or isinstance(error, TimeoutError) or isinstance(translated(error), DatabaseUnavailable)


def unknown(wanted: Wanted) -> Problem:
    """Nobody knows whether it is stored, and how the caller finds out."""
    remedy = (
        f"repeat the request with the idempotency key {wanted.task.key!r}: it gives the first task if there is one"
        if wanted.task.key is not None
        else f"see whether there is a task {wanted.id} (GET /v1/tasks/{wanted.id}); if not, repeat the request"
    )
    headers = {"Location": f"/v1/tasks/{wanted.id}"} if wanted.task.key is None else {}
    return Problem("commit_unknown", f"the database was lost during the commit; {remedy}", headers=headers)


def portions(wanted: Sequence[Wanted]) -> Iterator[Sequence[Wanted]]:
    """The tasks in order, in statements of bounded size."""
    begin = characters = 0
    for place, one in enumerate(wanted):
        if place > begin and characters + len(one.text) > CHARACTERS:
            yield wanted[begin:place]
            begin, characters = place, 0
        characters += len(one.text)
    yield wanted[begin:]
