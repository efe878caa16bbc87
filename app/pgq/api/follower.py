"""Waiting for tasks without a connection for each who waits: one hub a process asks for all in one statement."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import psycopg

from pgq.api.gather import Gather
from pgq.api.services import Services
from pgq.db.errors import our_errors
from pgq.db.follow import changed, look
from pgq.db.steady import SteadyConnection
from pgq.values.task import TaskStatus

SHORTEST, LONGEST = 0.05, 0.25
"""Seconds between two statements: the shorter the more changes. None at all while nobody waits."""
SHARE = 5
"""A slow statement is asked less often: it may take a fifth of the time."""


class Waiter:
    """One who waits. `task` is the newest that is known; None once nobody has the task any more."""

    def __init__(self, task: TaskStatus, progress: bool) -> None:
        self.task: TaskStatus | None = task
        self.progress = progress
        self.news = asyncio.Event()

    def tell(self, task: TaskStatus | None) -> None:
        self.task = task
        self.news.set()


def progress_at(task: TaskStatus) -> datetime | None:
    """When the task last said how far it is."""
    return task.progress.at if task.progress else None


class Watched:
    """A task that somebody waits for, as the hub saw it last."""

    def __init__(self, task: TaskStatus) -> None:
        self.id = task.id
        self.state = task.state
        self.attempt = task.attempt
        self.progress_at = progress_at(task)
        self.waiters: set[Waiter] = set()

    @property
    def progress(self) -> bool:
        """Whether anybody wants to know of each progress, not of the state alone."""
        return any(waiter.progress for waiter in self.waiters)

    def seen(self, task: TaskStatus | None) -> None:
        self.state, self.attempt = ("", -1) if task is None else (task.state, task.attempt)
        self.progress_at = None if task is None else progress_at(task)
        for waiter in self.waiters:
            waiter.tell(task)


class Follower:
    """The looks and waits of one process."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.watched: dict[UUID, Watched] = {}
        self.steady = SteadyConnection(services.conninfo, "follower")
        self.asking: asyncio.Task[None] | None = None
        self.ending: asyncio.Task[None] | None = None
        self.looks: Gather[UUID, TaskStatus | None] = Gather(self.look_at)

    async def look(self, task_id: UUID) -> TaskStatus | None:
        """The task as it is now; requests that come together share a statement. Raises DatabaseUnavailable."""
        return await self.looks.ask(task_id)

    async def wait(self, task: TaskStatus, seconds: float) -> TaskStatus | None:
        """The task once it has ended, or as it is after `seconds`, or when the process is to end."""
        with self.waiting(task) as waiter:
            try:
                async with asyncio.timeout(seconds):
                    while waiter.task is not None and not waiter.task.ended and not self.services.stopping.is_set():
                        await waiter.news.wait()
                        waiter.news.clear()
            except TimeoutError:
                return await self.look(task.id)
            return waiter.task

    @contextmanager
    def waiting(self, task: TaskStatus, *, progress: bool = False) -> Iterator[Waiter]:
        """Be told of every change of a task since it was read; of its progress only when asked for."""
        waiter = Waiter(task, progress)
        watched = self.watched.setdefault(task.id, Watched(task))
        watched.waiters.add(waiter)
        if (watched.state, watched.attempt, watched.progress_at) != (task.state, task.attempt, progress_at(task)):
            watched.state = ""  # who is right? the next statement tells both
        if self.asking is None:
            self.asking = asyncio.create_task(self.ask())
        if self.ending is None:
            self.ending = asyncio.create_task(self.end())
        try:
            yield waiter
        finally:
            watched.waiters.discard(waiter)
            if not watched.waiters and self.watched.get(task.id) is watched:
                del self.watched[task.id]

    async def ask(self) -> None:
        """Ask what has changed, again and again, until nobody waits."""
        pause = SHORTEST
        try:
            while self.watched:
                await asyncio.sleep(pause)
                began = time.monotonic()
                try:
                    news = await self.ask_once()
                except psycopg.Error as error:
                    await self.steady.recover(error)
                    continue
                self.steady.waits = 0
                pause = SHORTEST if news else min(pause * 1.5, LONGEST)
                pause = max(pause, SHARE * (time.monotonic() - began))
        finally:
            self.asking = None

    async def ask_once(self) -> bool:
        """Tell those whose task has changed; whether any has."""
        if not self.watched:
            return False
        connection = await self.steady.get()
        ids = await changed(connection, self.watched.values())
        found = await look(connection, ids) if ids else {}
        for task_id in ids:
            if watched := self.watched.get(task_id):
                watched.seen(found.get(task_id))
        return bool(ids)

    async def look_at(self, ids: Sequence[UUID]) -> list[TaskStatus | None]:
        with our_errors():
            async with self.services.pools.connection_async() as connection:
                found = await look(connection, list(dict.fromkeys(ids)))
        return [found.get(task_id) for task_id in ids]

    async def end(self) -> None:
        """When the process is to end, all who wait are told, with what is known."""
        await self.services.stopping.wait()
        for watched in self.watched.values():
            for waiter in watched.waiters:
                waiter.news.set()

    async def close(self) -> None:
        """Stop asking."""
        for part in (self.asking, self.ending):
            if part is not None:
                part.cancel()
                await asyncio.wait([part])
        await self.steady.drop()
