"""Which of the due ticks fire, by the misfire policy and by how late they are."""

from datetime import UTC, datetime, timedelta

import pytest

from pgq.values.cron import Cron
from pgq.values.ticks import due_ticks, first_tick

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-01-01T{text}+00:00")


def fired(cron: str, first: str, now: str, misfire: str, most: int = 1_000) -> list[str]:
    ticks = due_ticks(Cron.parse(cron), at(first), at(first), at(now), misfire=misfire, jitter=0, most=most)
    assert ticks.next > ticks.fire[-1] if ticks.fire else ticks.next > at(now)
    return [f"{tick:%H:%M:%S}" for tick in ticks.fire]


@pytest.mark.parametrize("misfire", ["skip", "once", "all"])
@pytest.mark.parametrize("now", ["12:00:00", "12:00:06", "12:01:00"])
def test_a_lone_tick_up_to_a_minute_late_fires_whatever_the_policy(misfire: str, now: str) -> None:
    assert fired("0 * * * *", "12:00:00", now, misfire) == ["12:00:00"]


@pytest.mark.parametrize("misfire", ["skip", "once", "all"])
def test_ticks_of_each_second_are_not_missed_when_a_turn_is_some_seconds_late(misfire: str) -> None:
    assert fired("* * * * * *", "12:00:00", "12:00:03.5", misfire) == [f"12:00:0{n}" for n in range(4)]


@pytest.mark.parametrize(
    ("misfire", "ticks"),
    [
        ("skip", ["12:10:00"]),
        ("once", ["12:09:00", "12:10:00"]),
        ("all", [f"12:{minute:02}:00" for minute in range(11)]),
    ],
)
def test_after_ten_minutes_the_policy_decides_on_what_was_missed(misfire: str, ticks: list[str]) -> None:
    assert fired("* * * * *", "12:00:00", "12:10:07", misfire) == ticks


@pytest.mark.parametrize(
    ("misfire", "ticks"), [("skip", []), ("once", ["14:00:00"]), ("all", ["13:00:00", "14:00:00"])]
)
def test_with_nothing_on_time_only_the_policy_counts(misfire: str, ticks: list[str]) -> None:
    assert fired("0 * * * *", "13:00:00", "14:30:00", misfire) == ticks


@pytest.mark.parametrize("misfire", ["skip", "once"])
def test_a_tick_of_each_second_is_missed_after_five_seconds(misfire: str) -> None:
    expected = [f"13:00:{second:02}" for second in range(25, 31)]
    assert (
        fired("* * * * * *", "12:00:00", "13:00:30", misfire) == (["13:00:24"] if misfire == "once" else []) + expected
    )


def test_what_is_over_the_limit_is_next_and_due_at_once() -> None:
    ticks = due_ticks(Cron.parse("@hourly"), at("01:00:00"), at("01:00:00"), NOON, misfire="all", jitter=0, most=3)
    assert ticks.fire == [at("01:00:00"), at("02:00:00"), at("03:00:00")]
    assert (ticks.next, ticks.due) == (at("04:00:00"), at("04:00:00"))


def test_a_schedule_begins_with_the_first_tick_after_now() -> None:
    ticks = first_tick(Cron.parse("@hourly"), NOON, 0)
    assert (ticks.fire, ticks.next, ticks.due) == ([], at("13:00:00"), at("13:00:00"))


def test_jitter_never_holds_a_tick_back_to_the_one_after_it() -> None:
    ticks = first_tick(Cron.parse("* * * * *"), NOON, 3_600, chance=lambda: 0.5)
    assert ticks.due - ticks.next == timedelta(seconds=30)
    ticks = first_tick(Cron.parse("@hourly"), NOON, 60, chance=lambda: 0.5)
    assert ticks.due - ticks.next == timedelta(seconds=30)


def test_a_tick_that_jitter_holds_back_is_late_only_from_when_it_was_due() -> None:
    now = at("12:30:01")
    ticks = due_ticks(Cron.parse("@hourly"), NOON, at("12:30:00"), now, misfire="skip", jitter=3_600, most=9)
    assert ticks.fire == [NOON]
