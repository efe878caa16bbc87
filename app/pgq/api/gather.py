"""Calls that come together share one piece of work: group commits, shared look-ups."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

A = TypeVar("A")
R = TypeVar("R")


class Gather(Generic[A, R]):
    """Hands items to `work` in batches: while one batch is under way, the next one gathers; nobody waits for a clock.

    `work` answers one result for each item, in order; what it raises, all callers of the batch raise. A result that is
    an exception is raised to its own caller only.
    """

    def __init__(self, work: Callable[[Sequence[A]], Awaitable[Sequence[R | Exception]]], *, most: int = 500) -> None:
        self.work = work
        self.most = most
        self.waiting: list[tuple[A, asyncio.Future[R]]] = []
        self.running: asyncio.Task[None] | None = None

    async def ask(self, item: A) -> R:
        """The result for one item. The work goes on for the others when its caller is cancelled."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self.waiting.append((item, answer))
        if self.running is None:
            self.running = asyncio.create_task(self.run())
        return await answer

    async def run(self) -> None:
        """Work off what has gathered, until nothing has."""
        try:
            while self.waiting:
                await self.let_more_come()
                batch, self.waiting = self.waiting[: self.most], self.waiting[self.most :]
                await self.run_batch(batch)
        finally:
            self.running = None

    async def let_more_come(self) -> None:
        """Let the event loop go round while each round brings more: on a busy process batches must not be small."""
        known = 0
        while known < len(self.waiting) < self.most:
            known = len(self.waiting)
            await asyncio.sleep(0)

    async def run_batch(self, batch: list[tuple[A, asyncio.Future[R]]]) -> None:
        try:
            results = await self.work([item for item, _ in batch])
        except BaseException as error:
            said = error if isinstance(error, Exception) else asyncio.CancelledError()
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(said)
                    answer.exception()  # a caller that has gone does not ask
            if not isinstance(error, Exception):
                raise
            return
        for (_, answer), result in zip(batch, results, strict=True):
            if answer.done():
                continue
            if isinstance(result, Exception):
                answer.set_exception(result)
            else:
                answer.set_result(result)
