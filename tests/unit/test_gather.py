"""Calls that share one piece of work."""

import asyncio
from collections.abc import Sequence

import pytest

from pgq.api.gather import Gather


class Desk:
    """Doubles numbers, one batch at a time, when told to go on."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go_on = asyncio.Event()

    async def work(self, items: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(items))
        await self.go_on.wait()
        if 13 in items:
            raise OSError("all of them")
        return [ValueError("this one") if item < 0 else item * 2 for item in items]


async def ask(gather: Gather[int, int], *items: int) -> "list[asyncio.Task[int]]":
    """Tasks that ask, each as far as it gets by itself."""
    tasks = [asyncio.create_task(gather.ask(item)) for item in items]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_what_comes_while_a_batch_is_under_way_makes_the_next_one() -> None:
    desk = Desk()
    gather: Gather[int, int] = Gather(desk.work, most=3)
    tasks = await ask(gather, 1) + await ask(gather, 2, 3, 4, 5)
    desk.go_on.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8, 10]
    assert desk.batches == [[1], [2, 3, 4], [5]]


async def test_an_error_that_is_a_result_is_its_own_askers_only() -> None:
    desk = Desk()
    gather: Gather[int, int] = Gather(desk.work)
    desk.go_on.set()
    good, bad = await ask(gather, 1, -1)
    assert await good == 2
    with pytest.raises(ValueError, match="this one"):
        await bad


async def test_an_error_of_the_work_is_everybodys_and_the_next_batch_goes_on() -> None:
    desk = Desk()
    gather: Gather[int, int] = Gather(desk.work)
    first = await ask(gather, 1)
    failing = await ask(gather, 13, 2)
    desk.go_on.set()
    assert await asyncio.gather(*first) == [2]
    assert [type(one) for one in await asyncio.gather(*failing, return_exceptions=True)] == [OSError, OSError]
    assert await gather.ask(3) == 6


async def test_who_does_not_wait_any_more_stops_nobody() -> None:
    desk = Desk()
    gather: Gather[int, int] = Gather(desk.work)
    gone, stays = await ask(gather, 1, 2)
    gone.cancel()
    desk.go_on.set()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone
