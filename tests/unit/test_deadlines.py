"""Every attempt is told when its time is over, and none before, whatever order they came in."""

import asyncio
import time

import pytest

from pgq.worker.deadlines import Deadlines
from pgq.worker.running import Interrupt, Running
from tests.unit.test_outcome import TASK
from tests.until import PATIENCE


def running(timeout: float) -> Running:
    return Running(TASK._replace(timeout_seconds=timeout))


async def until_told(*those: Running) -> None:
    async with asyncio.timeout(PATIENCE):
        while not all(one.told() for one in those):  # noqa: ASYNC110 (no event tells it)
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("order", [(0.01, 0.03), (0.03, 0.01), (0.02, 0.02)])
async def test_each_is_told_when_its_time_is_over(order: tuple[float, float]) -> None:
    those = [running(timeout) for timeout in order]
    later = running(3600)
    deadlines = Deadlines([*those, later])
    for one in (*those, later):
        deadlines.watch(one)

    await until_told(*those)

    assert all(time.monotonic() >= one.due_at and one.told() is Interrupt.TIMEOUT for one in those)
    assert all(one.cancelled.is_set() for one in those)
    assert later.told() is None
    deadlines.close()


async def test_one_that_comes_when_no_other_is_left_is_told_too() -> None:
    now_running: list[Running] = []
    deadlines = Deadlines(now_running)
    for _ in range(2):
        one = running(0.01)
        now_running.append(one)
        deadlines.watch(one)
        await until_told(one)
        now_running.clear()


async def test_one_that_has_ended_is_not_told() -> None:
    ended, other = running(0.01), running(0.02)
    deadlines = Deadlines([other])
    deadlines.watch(ended)
    deadlines.watch(other)

    await until_told(other)

    assert ended.told() is None
