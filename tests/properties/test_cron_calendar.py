"""Cron against a calendar that looks at the clock all through four years, in six zones, and knows no cronsim."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pgq.values.cron import Cron
from pgq.values.errors import InvalidTask

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "UTC")
BEGIN, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def walls(zone: str, begin: datetime, end: datetime, step: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """Moments, and what the wall clock shows then; the clocks of these zones change on whole half hours."""
    there = ZoneInfo(zone)
    for n in range((end - begin) // step):
        moment = begin + n * step
        yield moment, moment.astimezone(there).replace(tzinfo=None, fold=0)


def values(field: str, low: int, high: int) -> set[int]:
    """What one field of numbers, ranges, lists and steps stands for."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        end = int(last) if last else high if step else int(first)
        found |= set(range(int(first), end + 1, int(step or 1)))
    return found


class Calendar:
    """When the wall clock shows a time of the cron."""

    def __init__(self, cron: str, step: timedelta) -> None:
        self.step = step
        fields = cron.split()
        minutes, hours, days, months, weekdays = (
            values(field, *limits) for field, limits in zip(fields, LIMITS, strict=True)
        )
        self.minutes, self.hours, self.days, self.months = minutes, hours, days, months
        self.weekdays = {day % 7 for day in weekdays}
        self.both = fields[2].startswith("*") or fields[4].startswith("*")
        self.follows_the_clock = fields[1].startswith("*") or len(hours) == 24

    def on(self, wall: datetime) -> bool:
        if wall.minute not in self.minutes or wall.hour not in self.hours or wall.month not in self.months:
            return False
        day, weekday = wall.day in self.days, wall.isoweekday() % 7 in self.weekdays
        return (day and weekday) if self.both else (day or weekday)

    def ticks(self, shown: Iterable[tuple[datetime, datetime]]) -> Iterator[datetime]:
        """All of these moments. At named hours a time counts once: when it is first shown, or jumped over."""
        latest = None
        for moment, wall in shown:
            if self.follows_the_clock:
                hit = self.on(wall)
            elif latest is None or wall == latest + self.step:
                hit, latest = self.on(wall), wall
            elif hit := wall > latest:
                hit = any(self.on(latest + n * self.step) for n in range(1, (wall - latest) // self.step + 1))
                latest = wall
            if hit:
                yield moment


CRONS = (
    "30 2 * * *", "45 1 * * *", "0,45 0-3 * * *", "*/20 2 25-31 3,10 0", "10 2 * * 0", "0 9 * * 1-5", "*/30 * * * *",
    "5 */2 * * 1-5", "45 * 29-31 3,10 0",
)  # fmt: skip
FIVE = timedelta(minutes=5)
"""These crons name no other minutes."""


@pytest.mark.parametrize("zone", ZONES)
def test_every_tick_of_four_years_is_where_the_calendar_has_it(zone: str) -> None:
    shown = list(walls(zone, BEGIN, END, FIVE))
    for cron in CRONS:
        expected = list(Calendar(cron, FIVE).ticks(shown))
        assert Cron.parse(cron, zone).ticks(BEGIN - MINUTE / 60, END - MINUTE, len(expected) + 1) == expected, cron


@pytest.mark.parametrize("zone", ZONES)
def test_a_time_of_the_day_comes_once_every_day_and_a_step_runs_through(zone: str) -> None:
    there = ZoneInfo(zone)
    days = (END - BEGIN).days
    for cron in ("30 2 * * *", "30 1 * * *", "0 2 * * *", "15 2 * * *", "45 1 * * *"):
        ticks = Cron.parse(cron, zone).ticks(BEGIN, END, 10_000)
        dates = [tick.astimezone(there).date() for tick in ticks]
        assert len(dates) == len(set(dates)) == days
    half_hours = Cron.parse("*/30 * * * *", zone).ticks(BEGIN, END, 100_000)
    gaps = {later - earlier for earlier, later in pairwise(half_hours)}
    assert gaps == {timedelta(minutes=30)}


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = (
        st.tuples(number, number).filter(lambda ends: ends[0] != ends[1]).map(lambda ends: f"{min(ends)}-{max(ends)}")
    )
    step = st.tuples(st.one_of(st.just("*"), span, number.map(str)), st.integers(1, high)).map(
        lambda s: f"{s[0]}/{s[1]}"
    )
    term = st.one_of(number.map(str), span, step)
    return st.one_of(st.just("*"), step, st.lists(term, min_size=1, max_size=3).map(",".join))


@cache
def days_of_change(zone: str) -> list[datetime]:
    """Midnight (UTC) before each change of the clock, and of some other days."""
    there = ZoneInfo(zone)
    days = [BEGIN + timedelta(days=n) for n in range((END - BEGIN).days - WINDOW.days)]
    offsets = [day.astimezone(there).utcoffset() for day in days]
    changes = [day for day, (one, two) in zip(days, pairwise(offsets), strict=False) if one != two]
    return changes + days[:: max(1, len(days) // (len(changes) or 8))]


WINDOW = timedelta(days=3)
PLACES = st.sampled_from(ZONES).flatmap(lambda zone: st.tuples(st.just(zone), st.sampled_from(days_of_change(zone))))


@given(cron=st.tuples(*(field(*limits) for limits in LIMITS)).map(" ".join), place=PLACES)
@example("0-59/7 0-4,9 * * *", ("Europe/Berlin", datetime(2026, 3, 28, tzinfo=UTC)))
@settings(max_examples=200, deadline=None)
def test_any_cron_ticks_as_the_calendar_says(cron: str, place: tuple[str, datetime]) -> None:
    zone, begin = place
    expected = list(Calendar(cron, MINUTE).ticks(walls(zone, begin, begin + WINDOW, MINUTE)))
    assert found(cron, zone, begin - MINUTE / 60, begin + WINDOW - MINUTE) == expected


def found(cron: str, zone: str, since: datetime, until: datetime) -> list[datetime]:
    """The ticks; none of a cron that is refused because its day never comes."""
    try:
        return Cron.parse(cron, zone).ticks(since, until, 100_000)
    except InvalidTask as refused:
        if not refused.reason.endswith(("one that its months have", "never comes")):
            raise
        return []
