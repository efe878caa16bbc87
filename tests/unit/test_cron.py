"""Cron as it is written: fields, aliases, and what is said of one that cannot be."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from pgq.values.cron import ALIASES, Cron
from pgq.values.errors import InvalidTask

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NEW_YEAR + timedelta(days=3660)


def ticks(cron: str, timezone: str = "UTC", since: datetime = NEW_YEAR, count: int = 3) -> list[str]:
    parsed = Cron.parse(cron, timezone)
    return [f"{tick.astimezone(parsed.zone):%Y-%m-%d %H:%M:%S}" for tick in islice(parsed.iterate(since), count)]


def test_six_fields_begin_with_seconds() -> None:
    assert ticks("*/20 30 9 * * *") == ["2026-01-01 09:30:00", "2026-01-01 09:30:20", "2026-01-01 09:30:40"]
    assert ticks("30 9 * * *", count=2) == ["2026-01-01 09:30:00", "2026-01-02 09:30:00"]


@pytest.mark.parametrize(
    ("alias", "second"),
    [
        ("@yearly", "2028-01-01 00:00:00"),
        ("@annually", "2028-01-01 00:00:00"),
        ("@monthly", "2026-03-01 00:00:00"),
        ("@weekly", "2026-01-11 00:00:00"),
        ("@daily", "2026-01-03 00:00:00"),
        ("@midnight", "2026-01-03 00:00:00"),
        ("@hourly", "2026-01-01 02:00:00"),
        (" @Hourly ", "2026-01-01 02:00:00"),
    ],
)
def test_aliases(alias: str, second: str) -> None:
    assert ticks(alias)[1] == second
    assert alias.strip().lower() in ALIASES


def test_names_ranges_steps_lists_and_last_days() -> None:
    assert ticks("0 9 * * MON-FRI") == ticks("0 9 * * 1-5")
    assert ticks("0 0 1 jan,jul *") == ["2026-07-01 00:00:00", "2027-01-01 00:00:00", "2027-07-01 00:00:00"]
    assert ticks("0 0 L 2 *") == ["2026-02-28 00:00:00", "2027-02-28 00:00:00", "2028-02-29 00:00:00"]
    assert ticks("0 0 * * MON#2", count=2) == ["2026-01-12 00:00:00", "2026-02-09 00:00:00"]
    assert ticks("0 0 * * 7", count=2) == ticks("0 0 * * 0", count=2)


def test_of_a_day_of_the_month_and_one_of_the_week_either_will_do_unless_one_begins_with_a_star() -> None:
    assert ticks("0 0 13 * 5", count=2) == ["2026-01-02 00:00:00", "2026-01-09 00:00:00"]
    assert ticks("0 0 */1 * 5", count=2) == ["2026-01-02 00:00:00", "2026-01-09 00:00:00"]


@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("61 * * * *", "'61 * * * *': the minute must be 0 to 59"),
        ("* 25 * * *", "the hour must be 0 to 23"),
        ("0 0 0 * *", "the day-of-month must be 1 to 31"),
        ("0 0 * 13 *", "the month must be 1 to 12 or JAN to DEC"),
        ("0 0 * * 8", "the day-of-week must be 0 to 7"),
        ("61 * * * * *", "the second must be 0 to 59"),
        ("*/0 * * * *", "the minute must be"),
        ("5-1 * * * *", "the minute must be"),
        ("a b c d e", "the minute must be"),
        ("0 0 31 2 *", "one that its months have"),
        ("0 0 ? * *", "the day-of-month must be"),
        ("0 0 15W * *", "the day-of-month must be"),
        ("0 0 L-3 * *", "the day-of-month must be"),
        ("0 0 * * FRI-MON", "the day-of-week must be"),
        ("0 22-2 * * *", "the hour must be"),
        ("* * * *", "must have five fields, six with seconds first, or be an alias (@yearly"),
        ("* * * * * * *", "must have five fields"),
        ("@never", "must have five fields"),
        ("", "must have five fields"),
        ("* " * 200, "must have at most 200 characters"),
        ("0 0 * * MON#5/2", "the day-of-week must be"),
        ("٣ * * * *", "the minute must be"),
        (5, "must be text, not int"),
    ],
)
def test_a_cron_that_cannot_be_is_refused_and_the_part_is_named(cron: object, reason: str) -> None:
    with pytest.raises(InvalidTask) as refused:
        Cron.parse(cron)
    assert refused.value.field == "cron"
    assert reason in refused.value.reason


@pytest.mark.parametrize(
    "timezone", ["Mars/Base", "../etc/passwd", "/etc/localtime", "Europe", "", "U\0C", "x" * 70, 5]
)
def test_an_unknown_time_zone_is_refused(timezone: object) -> None:
    with pytest.raises(InvalidTask) as refused:
        Cron.parse("@daily", timezone)
    assert refused.value.field == "timezone"


def test_a_machine_without_time_zones_of_its_own_has_them_all_the_same() -> None:
    """Slim containers have none."""
    words = "from pgq.values.cron import Cron; print(Cron.parse('@daily', 'Europe/Paris').zone)"
    slim = {**os.environ, "PYTHONTZPATH": ""}
    asked = subprocess.run([sys.executable, "-c", words], env=slim, capture_output=True, text=True, check=True)
    assert asked.stdout == "Europe/Paris\n"


@pytest.mark.parametrize(
    ("cron", "timezone", "since", "ticks_"),
    [
        # New York puts the clock forward from 02:00 to 03:00 on 8 March 2026, and back from 02:00 on 1 November.
        ("30 2 * * *", "America/New_York", "2026-03-08T00Z", ["2026-03-08T07:00Z", "2026-03-09T06:30Z"]),
        ("0,30 2,3 * * *", "America/New_York", "2026-03-08T06Z", ["2026-03-08T07:00Z", "2026-03-08T07:30Z"]),
        ("15 30 2 * * *", "America/New_York", "2026-03-08T00Z", ["2026-03-08T07:00Z", "2026-03-09T06:30:15Z"]),
        ("30 1 * * *", "America/New_York", "2026-11-01T00Z", ["2026-11-01T05:30Z", "2026-11-02T06:30Z"]),
        ("30 1 * * *", "America/New_York", "2026-11-01T05:45Z", ["2026-11-02T06:30Z"]),
        ("30 1 * * *", "America/New_York", "2026-11-01T06:10Z", ["2026-11-02T06:30Z"]),
        ("30 * * * *", "America/New_York", "2026-11-01T05Z", ["2026-11-01T05:30Z", "2026-11-01T06:30Z"]),
        ("30 */1 * * *", "America/New_York", "2026-03-08T06Z", ["2026-03-08T06:30Z", "2026-03-08T07:30Z"]),
        # Lord Howe moves by half an hour: from 02:00 to 02:30 on 4 October 2026, and back from 02:00 on 5 April.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12Z", ["2026-10-03T15:30Z", "2026-10-04T15:15Z"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12Z", ["2026-04-04T14:45Z", "2026-04-05T15:15Z"]),
        ("*/15 * * * *", "Australia/Lord_Howe", "2026-04-04T14:46Z", ["2026-04-04T15:00Z", "2026-04-04T15:15Z"]),
        # São Paulo had no midnight on 4 November 2018.
        ("0 0 * * *", "America/Sao_Paulo", "2018-11-03T12Z", ["2018-11-04T03:00Z", "2018-11-05T02:00Z"]),
        # Samoa had no 30 December 2011.
        ("0 9 30 12 *", "Pacific/Apia", "2011-12-01T00Z", ["2011-12-30T10:00Z", "2012-12-29T19:00Z"]),
    ],
)
def test_the_days_on_which_the_clock_is_changed(cron: str, timezone: str, since: str, ticks_: list[str]) -> None:
    found = Cron.parse(cron, timezone).ticks(datetime.fromisoformat(since), LATER, len(ticks_))
    assert found == [datetime.fromisoformat(tick) for tick in ticks_]


def test_ticks_lie_behind_one_moment_and_not_behind_another() -> None:
    cron = Cron.parse("@hourly")
    noon = NEW_YEAR.replace(hour=12)
    assert cron.ticks(noon, noon + timedelta(hours=2), 10) == [noon.replace(hour=13), noon.replace(hour=14)]
    assert cron.ticks(noon - timedelta(microseconds=1), noon, 10) == [noon]


@pytest.mark.parametrize("cron", ["* * * * * *", "* * * * *", "30 2 * * *", "0 0 29 2 *", "0 0 * * MON#5"])
def test_the_newest_tick_before_a_moment_is_the_last_one_that_counting_finds(cron: str) -> None:
    parsed = Cron.parse(cron, "Europe/Berlin")
    since, before = datetime(2026, 3, 29, 0, 30, 5, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, 5, tzinfo=UTC)
    counted = [tick for tick in parsed.ticks(since - timedelta(seconds=1), before, 10_000) if tick < before]
    assert parsed.newest(before, since) == (counted[-1] if counted else None)
    assert parsed.newest(NEW_YEAR, NEW_YEAR) is None
