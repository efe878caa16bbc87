"""Cron: five fields, six with seconds first, or an alias; read in a time zone, which may have daylight saving time.

A job whose hour field begins with `*` follows the wall clock, through an hour that comes twice and past one that is
left out. One at named hours fires once each: what falls into an hour that is left out fires when that hour would have
begun, and an hour that comes twice counts once, the first time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from pgq.values.duration import shown
from pgq.values.errors import InvalidTask

LENGTH = 200
ZONE_LENGTH = 64

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

WANTED = {
    "second": "0 to 59",
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31, L or LW, and one that its months have",
    "month": "1 to 12 or JAN to DEC",
    "day-of-week": "0 to 7 (0 and 7 are Sunday) or SUN to SAT",
}

SECOND = timedelta(seconds=1)
HALF_A_DAY = timedelta(hours=12)
SOME_DAY = datetime(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Cron:
    """When a schedule ticks. Moments are aware and have no fractions of a second; answers are in UTC."""

    zone: tzinfo
    times: CronSim = field(repr=False)
    """Steps along a wall clock without a zone."""
    follows_the_clock: bool

    @classmethod
    def parse(cls, text: object, timezone: object = "UTC") -> "Cron":
        """Raises InvalidTask, naming the field `cron` or `timezone` and what is wrong with it."""
        zone = zone_named(timezone)
        if not isinstance(text, str):
            raise InvalidTask("cron", f"must be text, not {type(text).__name__}")
        if len(text) > LENGTH:
            raise InvalidTask("cron", f"must have at most {LENGTH} characters, not {len(text)}")
        fields = ALIASES.get(text.strip().lower(), text).split()
        if len(fields) not in (5, 6):
            raise InvalidTask("cron", f"{words(text)} must have five fields, six with seconds first, or be an alias "
                              f"({', '.join(ALIASES)})")  # fmt: skip
        try:
            times = CronSim(" ".join(fields), SOME_DAY)
            next(times)
        except StopIteration:
            raise InvalidTask("cron", f"{words(text)} never comes") from None
        except (CronSimError, AssertionError, ValueError) as error:
            raise InvalidTask("cron", reason(text, str(error))) from None
        every_hour = fields[-4].startswith("*") or len(times.hours) == 24
        return cls(zone, times, every_hour)

    def after(self, moment: datetime) -> datetime:
        """The first tick after a moment. Raises InvalidTask when none comes in fifty years."""
        return self.by_the_clock(moment) if self.follows_the_clock else self.at_named_hours(moment)

    def iterate(self, moment: datetime) -> Iterator[datetime]:
        """The ticks after a moment, for ever."""
        while True:
            moment = self.after(moment)
            yield moment

    def ticks(self, after: datetime, until: datetime, limit: int) -> list[datetime]:
        """The first `limit` ticks after one moment, none of them after another."""
        found: list[datetime] = []
        for tick in islice(self.iterate(after), limit):
            if tick > until:
                break
            found.append(tick)
        return found

    def newest(self, before: datetime, since: datetime) -> datetime | None:
        """The last tick before a moment, but not before `since`; found by halving, however many lie in between."""
        if self.after(since - SECOND) >= before:
            return None
        low, high = 0, int((before - since).total_seconds()) + 1
        while high - low > 1:  # the first tick after `low` comes in time, the one after `high` does not
            middle = (low + high) // 2
            if self.after(since + middle * SECOND - SECOND) < before:
                low = middle
            else:
                high = middle
        return self.after(since + low * SECOND - SECOND)

    def at_named_hours(self, moment: datetime) -> datetime:
        """Each time of the wall clock once: at its first moment, or when the gap begins that it falls into."""
        wall = self.wall_of(moment)
        while True:
            wall = self.next_on(wall)
            tick = self.first_moment_of(wall)
            if tick > moment:
                return tick

    def by_the_clock(self, moment: datetime) -> datetime:
        """Whenever the wall clock shows one of the times."""
        since, wall = whole(moment), self.wall_of(moment)
        while True:
            offset = since.replace(tzinfo=None) - self.wall_of(since)
            tick = (self.next_on(wall) + offset).replace(tzinfo=UTC)
            change = self.first_change(since, tick)
            if change is None:
                return tick
            since, wall = change, self.wall_of(change) - SECOND

    def next_on(self, wall: datetime) -> datetime:
        self.times.dt = wall
        try:
            return next(self.times)
        except (StopIteration, OverflowError, ValueError):
            raise InvalidTask("cron", "does not come again in fifty years") from None

    def wall_of(self, moment: datetime) -> datetime:
        """What the wall clock shows."""
        return whole(moment).astimezone(self.zone).replace(tzinfo=None, fold=0)

    def first_moment_of(self, wall: datetime) -> datetime:
        """When the wall clock shows this first, or jumps over it."""
        moment = wall.replace(tzinfo=self.zone).astimezone(UTC)
        if self.wall_of(moment) == wall:
            return moment
        # In a gap. fold=0 reads it by the clock before the gap, fold=1 by the one after: the jump is in between.
        return self.first_change(wall.replace(tzinfo=self.zone, fold=1).astimezone(UTC), moment) or moment

    def first_change(self, since: datetime, until: datetime) -> datetime | None:
        """The first moment after `since`, up to `until`, at which the clock has been put forward or back."""
        if self.zone is UTC:
            return None
        before = self.offset_at(since)
        step = since
        while step < until:
            low, step = step, min(step + HALF_A_DAY, until)
            if self.offset_at(step) != before:
                high = step
                while high - low > SECOND:
                    middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
                    low, high = (low, middle) if self.offset_at(middle) != before else (middle, high)
                return high
        return None

    def offset_at(self, moment: datetime) -> timedelta | None:
        return moment.astimezone(self.zone).utcoffset()


def zone_named(name: object) -> tzinfo:
    """The time zone of this name. Raises InvalidTask."""
    if not isinstance(name, str):
        raise InvalidTask("timezone", f"must be text, not {type(name).__name__}")
    if name == "UTC":
        return UTC
    try:
        if not name or len(name) > ZONE_LENGTH:
            raise ValueError
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # not found, a folder of the zone database, or no name at all
        raise InvalidTask("timezone", f"{words(name)} is not a time zone such as Europe/Paris") from None


def whole(moment: datetime) -> datetime:
    """In UTC and without the fraction of a second."""
    return moment.astimezone(UTC).replace(microsecond=0)


def reason(text: str, said: str) -> str:
    """What is wrong, in words. The parser says which field it is."""
    found = re.fullmatch(r"Bad (.+)", said)
    if found is None or found[1] not in WANTED:
        return f"{words(text)} cannot be read"
    return f"{words(text)}: the {found[1]} must be {WANTED[found[1]]}"


def words(text: str) -> str:
    return repr(shown(text))
