"""Where tasks are short, the next ones are at hand before a slot is free; they never keep others from having them."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from pgq.client.app import App
from pgq.db.outcomes import Finished, HandBack
from pgq.values.outcome import CancelNow, Complete
from pgq.values.report import LogLine, Said
from pgq.values.task import Claimed, Lease
from pgq.worker import pace
from pgq.worker.executor import Executor
from pgq.worker.pace import SHORT, Pace
from pgq.worker.processes import Processes
from pgq.worker.running import Interrupt
from tests.unit.test_outcome import TASK
from tests.until import PATIENCE

SLOTS = 2


class Silent:
    """A sink that keeps nothing."""

    def line(self, line: LogLine, /) -> None: ...

    def progress(self, lease: Lease, said: Said, /) -> None: ...


class Slots:
    """An executor of two slots whose handlers all do the same."""

    def __init__(self, work: Callable[[], Awaitable[object]]) -> None:
        self.ended: list[Finished] = []
        self.began = 0
        self.over: set[int] = set()
        """The tasks whose lease has run out."""
        app = App("dbname=nowhere")

        @app.task
        async def send_email() -> None:
            self.began += 1
            await work()

        self.executor = Executor(
            app.handlers, SLOTS, self.ended.append, Processes("dbname=nowhere"), Silent(), self.may_begin
        )

    def may_begin(self, lease: Lease) -> bool:
        return lease.id.int not in self.over

    def start(self, *numbers: int) -> None:
        for number in numbers:
            self.executor.start(claimed(number))

    async def all_ended(self) -> None:
        await self.executor.idle.wait()

    def outcomes(self) -> dict[int, object]:
        return {one.lease.id.int: one.outcome for one in self.ended}


def claimed(number: int) -> Claimed:
    return TASK._replace(id=UUID(int=number), kind="send_email", payload="{}")


async def nothing() -> None: ...


async def test_a_further_batch_is_claimed_once_all_kinds_are_known_to_be_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "SHORT", PATIENCE)  # nothing at all can take milliseconds on a busy machine
    slots = Slots(nothing)
    assert slots.executor.room == SLOTS

    slots.start(1)
    await slots.all_ended()

    assert slots.executor.room == 2 * SLOTS


def test_one_kind_that_is_long_or_not_known_is_enough_for_none() -> None:
    both = Pace(["short", "unknown"])
    both.note("short", SHORT / 10)
    assert not both.all_short()
    both.note("unknown", SHORT / 10)
    assert both.all_short()
    both.note("unknown", SHORT * 100)
    assert not both.all_short()
    assert not Pace([]).all_short()


async def test_what_waits_for_a_slot_begins_when_one_is_free() -> None:
    go_on = asyncio.Event()
    slots = Slots(go_on.wait)
    slots.start(1, 2, 3, 4)
    await asyncio.sleep(0)

    assert (slots.began, slots.executor.busy) == (SLOTS, SLOTS)
    go_on.set()
    await slots.all_ended()

    assert slots.outcomes() == dict.fromkeys((1, 2, 3, 4), Complete("null"))


async def test_what_has_waited_too_long_is_handed_back_and_never_began() -> None:
    go_on = asyncio.Event()
    slots = Slots(go_on.wait)
    slots.start(1, 2, 3, 4)

    slots.executor.hand_back_waiting(longer_than=PATIENCE)
    assert len(slots.executor.waiting) == 2  # they have only just come
    slots.executor.hand_back_waiting(longer_than=0)
    go_on.set()
    await slots.all_ended()

    assert slots.outcomes() == {1: Complete("null"), 2: Complete("null"), 3: HandBack(), 4: HandBack()}
    assert slots.began == SLOTS


async def test_a_stop_hands_them_back_at_once() -> None:
    go_on, hurry = asyncio.Event(), asyncio.Event()
    slots = Slots(go_on.wait)
    slots.start(1, 2, 3)
    draining = asyncio.create_task(slots.executor.drain(3600, hurry))
    while 3 not in slots.outcomes():  # noqa: ASYNC110 (it ends a few turns of the loop later)
        await asyncio.sleep(0)

    assert slots.outcomes() == {3: HandBack()}
    go_on.set()
    await draining

    assert slots.outcomes() == {1: Complete("null"), 2: Complete("null"), 3: HandBack()}


async def test_one_that_is_cancelled_or_lost_while_it_waits_never_begins() -> None:
    go_on = asyncio.Event()
    slots = Slots(go_on.wait)
    slots.start(1, 2, 3, 4)
    slots.executor.interrupt(UUID(int=3), Interrupt.CANCEL)
    slots.executor.interrupt(UUID(int=4), Interrupt.LOST)
    go_on.set()
    await slots.all_ended()

    assert slots.outcomes() == {1: Complete("null"), 2: Complete("null"), 3: CancelNow("cancelled")}
    assert slots.began == SLOTS


async def test_one_whose_lease_has_run_out_before_it_began_never_begins() -> None:
    """The process was frozen in between: another worker may run the task by now."""
    slots = Slots(nothing)
    slots.over = {2}
    slots.start(1, 2, 3)
    await slots.all_ended()

    assert slots.outcomes() == dict.fromkeys((1, 3), Complete("null"))
    assert slots.began == 2
