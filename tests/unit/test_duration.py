"""Durations mean the same in seconds, as timedelta and in words; what makes no sense is refused by name."""

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgq.values.duration import LONGEST, parse_duration, seconds
from pgq.values.errors import InvalidTask


@given(st.floats(0, LONGEST))
def test_seconds_are_seconds(value: float) -> None:
    assert seconds(value, "delay") == value


@given(st.timedeltas(timedelta(0), timedelta(days=3_650)))
def test_a_timedelta_is_its_seconds(value: timedelta) -> None:
    assert seconds(value, "delay") == value.total_seconds()


NONSENSE = [
    -1,
    -1e-9,
    float("nan"),
    float("inf"),
    LONGEST + 1,
    timedelta(seconds=-1),
    True,
    None,
    "5",
    10**400,
    10**5_000,
]


@pytest.mark.parametrize("nonsense", NONSENSE, ids=range(len(NONSENSE)))
def test_anything_else_is_refused_by_the_fields_name(nonsense: Any) -> None:
    with pytest.raises(InvalidTask) as refused:
        seconds(nonsense, "delay")

    assert refused.value.field == "delay"
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("words", "value"),
    [("90", 90), ("90s", 90), ("5m", 300), ("2h", 7_200), ("1d", 86_400), ("1.5h", 5_400), (" 0s ", 0), ("007", 7)],
)
def test_words(words: str, value: float) -> None:
    assert parse_duration(words) == value


@given(st.integers(0, 3_650), st.sampled_from("smhd"))
def test_whole_numbers_of_any_unit(number: int, unit: str) -> None:
    assert parse_duration(f"{number}{unit}") == number * {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[unit]


@pytest.mark.parametrize(
    "words", ["", "s", "5 m", "5w", "-5", "+5", "1e3", "nan", "inf", "1h30m", "5M", "1,5h", ".5", "4000d", "9" * 500]
)
def test_other_words_are_refused(words: str) -> None:
    with pytest.raises(InvalidTask) as refused:
        parse_duration(words, "--delay")

    assert refused.value.field == "--delay"
    assert len(str(refused.value)) < 200


@given(st.text())
def test_no_words_are_answered_with_anything_but_a_duration_or_a_refusal(words: str) -> None:
    with contextlib.suppress(InvalidTask):
        assert 0 <= parse_duration(words) <= LONGEST
