"""An attempt that waits for what its parents gave heeds what stops it, and has not begun."""

import asyncio
from uuid import UUID

import pytest

from pgq.db.outcomes import HandBack
from pgq.values.outcome import BuryNow, CancelNow, Complete, ErrorInfo
from pgq.values.parents import Parent
from pgq.worker.parents import Given
from pgq.worker.running import Interrupt
from tests.unit.test_further_batch import Slots, claimed, nothing
from tests.until import PATIENCE

A = UUID(int=0xA)


@pytest.mark.parametrize(
    ("why", "outcome"),
    [
        (Interrupt.STOP, {1: HandBack()}),
        (Interrupt.CANCEL, {1: CancelNow("cancelled")}),
        (Interrupt.LOST, {}),
    ],
)
async def test_it_ends_at_once_when_it_is_stopped(why: Interrupt, outcome: dict[int, object]) -> None:
    slots = Slots(nothing)
    never: asyncio.Future[Given] = asyncio.get_running_loop().create_future()
    slots.executor.start(claimed(1), never)
    await asyncio.sleep(0)
    slots.executor.interrupt(UUID(int=1), why)
    async with asyncio.timeout(PATIENCE):
        await slots.all_ended()
    assert (slots.outcomes(), slots.began, slots.executor.busy) == (outcome, 0, 0)


async def test_it_holds_up_no_other_and_goes_on_when_they_are_there() -> None:
    began = asyncio.Event()

    async def work() -> None:
        began.set()

    slots = Slots(work)
    given: asyncio.Future[Given] = asyncio.get_running_loop().create_future()
    slots.executor.start(claimed(1), given)
    slots.start(2)
    await began.wait()
    assert (slots.began, 1 in slots.outcomes()) == (1, False)
    given.set_result([Parent(A, None, "1")])
    await slots.all_ended()
    assert slots.outcomes() == {1: Complete("null"), 2: Complete("null")}


async def test_a_lease_that_ran_out_meanwhile_begins_nothing() -> None:
    slots = Slots(nothing)
    given: asyncio.Future[Given] = asyncio.get_running_loop().create_future()
    slots.executor.start(claimed(1), given)
    await asyncio.sleep(0)
    slots.over.add(1)
    given.set_result([])
    await slots.all_ended()
    assert (slots.outcomes(), slots.began) == ({}, 0)


async def test_what_no_attempt_could_have_buries_the_task() -> None:
    slots = Slots(nothing)
    given: asyncio.Future[Given] = asyncio.get_running_loop().create_future()
    slots.executor.start(claimed(1), given)
    given.set_result(bury := BuryNow(ErrorInfo("ParentsTooLarge", "too much", "")))
    await slots.all_ended()
    assert (slots.outcomes(), slots.began) == ({1: bury}, 0)
