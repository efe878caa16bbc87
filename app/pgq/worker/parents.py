"""Reads what the parents of claimed tasks have given, before their handlers begin."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from pgq.db.parents import parents_of
from pgq.db.steady import OURS_TO_BLAME, SteadyConnection
from pgq.values.outcome import BuryNow, ErrorInfo, describe
from pgq.values.parents import Parent
from pgq.values.task import Claimed

MOST_BYTES = 64_000_000
"""What the results of one task's parents may hold together, as JSON."""

Given = Sequence[Parent] | BuryNow
"""The parents of a task; or what becomes of it, where no attempt could ever have them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A task that waits for what its parents have given."""

    task: UUID
    answer: "asyncio.Future[Given]"


class ParentsReader:
    """One statement for all tasks that were claimed together, over its own connection: nobody else waits for it."""

    def __init__(self, conninfo: str) -> None:
        self.steady = SteadyConnection(conninfo, "parents")
        self.asked: list[Asked] = []
        self.woken = asyncio.Event()

    def ask(self, tasks: Sequence[Claimed]) -> dict[UUID, "asyncio.Future[Given]"]:
        """What will be known of the parents of these tasks."""
        loop = asyncio.get_running_loop()
        asked = [Asked(task.id, loop.create_future()) for task in tasks]
        if asked:
            self.asked += asked
            self.woken.set()
        return {one.task: one.answer for one in asked}

    async def run(self) -> None:
        """Read for whoever asks, through any outage."""
        try:
            while True:
                await self.woken.wait()
                self.woken.clear()
                asked, self.asked = self.asked, []
                await self.answer(asked)
        finally:
            await self.steady.drop()

    async def answer(self, asked: Sequence[Asked]) -> None:
        """Read for these; when the database cannot do it for all at once, one by one."""
        tasks = list(dict.fromkeys(one.task for one in asked))
        try:
            found = await self.steady.persist(partial(parents_of, tasks=tasks, most=MOST_BYTES))
        except OURS_TO_BLAME as error:
            if len(asked) > 1:
                for one in asked:
                    await self.answer([one])
            else:
                asked[0].answer.set_result(BuryNow(describe(error)))
            return
        for one in asked:
            parents = found[one.task]
            one.answer.set_result(TOO_LARGE if parents is None else parents)


TOO_LARGE = BuryNow(
    ErrorInfo(
        "ParentsTooLarge",
        f"the results of the task's parents are more than {MOST_BYTES // 1_000_000} MB together; "
        "let the parents store what they make, and return where it is",
        "",
    )
)
