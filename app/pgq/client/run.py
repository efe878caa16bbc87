"""The two drivers of operations: the only place where sync and async part ways."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from typing import Protocol, TypeVar

from pgq.client.steps import Copy, MayCopy, Pause, Plan, Rows, Statement
from pgq.db.errors import our_errors

R = TypeVar("R")


class Link(Protocol):
    """What carries statements to the database: a pool, or the caller's connection inside its transaction."""

    @property
    def can_copy(self) -> bool: ...
    def fetch(self, statement: Statement) -> Rows: ...
    def copy(self, copy: Copy) -> None: ...
    def atomic(self) -> AbstractContextManager["Link"]:
        """All or nothing for several steps. Never commits a transaction that the caller has begun."""
        ...


class AsyncLink(Protocol):
    """The same for async code."""

    @property
    def can_copy(self) -> bool: ...
    async def fetch(self, statement: Statement) -> Rows: ...
    async def copy(self, copy: Copy) -> None: ...
    def atomic(self) -> AbstractAsyncContextManager["AsyncLink"]: ...


def run(plan: Plan[R], link: Link, *, atomic: bool = False) -> R:
    """Carry out an operation, its steps all or none when `atomic`. Database errors come out as pgq's."""
    with our_errors(), link.atomic() if atomic else nullcontext(link) as over:
        answer: Rows | bool | None = None
        while True:
            try:
                step = plan.send(answer)
            except StopIteration as end:
                result: R = end.value
                return result
            answer = None
            match step:
                case Statement():
                    with our_errors(step.positions):
                        answer = over.fetch(step)
                case Copy():
                    with our_errors(step.positions):
                        over.copy(step)
                case MayCopy():
                    answer = over.can_copy
                case Pause(seconds):
                    time.sleep(seconds)


async def run_async(plan: Plan[R], link: AsyncLink, *, atomic: bool = False) -> R:
    """The same in async code."""
    with our_errors():
        async with link.atomic() if atomic else nullcontext(link) as over:
            answer: Rows | bool | None = None
            while True:
                try:
                    step = plan.send(answer)
                except StopIteration as end:
                    result: R = end.value
                    return result
                answer = None
                match step:
                    case Statement():
                        with our_errors(step.positions):
                            answer = await over.fetch(step)
                    case Copy():
                        with our_errors(step.positions):
                            await over.copy(step)
                    case MayCopy():
                        answer = over.can_copy
                    case Pause(seconds):
                        await asyncio.sleep(seconds)
