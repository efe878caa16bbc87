"""Who tries again waits a random while: a fleet that lost its database together does not come back in lockstep."""

import asyncio

import psycopg
import pytest

from pgq.db.steady import FIRST_WAIT, LONGEST_WAIT, SteadyConnection


async def naps_of(tries: int, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long one part waits before each try."""
    naps: list[float] = []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    steady = SteadyConnection("", "part")
    for _ in range(tries):
        await steady.recover(psycopg.OperationalError("nobody there"))
    return naps


async def test_each_wait_is_between_half_and_all_of_a_bound_that_doubles_up_to_five_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert LONGEST_WAIT == 5
    for number, nap in enumerate(await naps_of(40, monkeypatch), start=1):
        bound = min(FIRST_WAIT * 2**number, LONGEST_WAIT)
        assert bound / 2 <= nap <= bound


async def test_no_two_parts_wait_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = [await naps_of(8, monkeypatch) for _ in range(20)]
    for together in zip(*fleet, strict=True):
        assert len(set(together)) == len(fleet)
        assert max(together) - min(together) > max(together) / 10
