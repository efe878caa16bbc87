"""Waits grow by the base up to the cap, spread by the jitter, for any attempt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgq.values.backoff import exponential
from pgq.values.errors import InvalidTask

bases = st.floats(1e-3, 1e6)


@given(st.integers(1, 10_000))
def test_the_default_doubles_up_to_an_hour_within_a_fifth(attempt: int) -> None:
    plain = min(2**attempt, 3_600)

    assert 0.8 * plain <= exponential()(attempt) <= 1.2 * plain


@given(bases, st.floats(0, 1e6), st.floats(0, 1), st.integers(1, 10_000))
def test_every_wait_is_finite_and_bounded(base: float, cap: float, jitter: float, attempt: int) -> None:
    assert 0 <= exponential(base, cap, jitter)(attempt) <= cap * (1 + jitter)


@given(bases, st.integers(1, 9_999))
def test_without_jitter_a_later_attempt_waits_no_less_when_the_base_is_above_one(base: float, attempt: int) -> None:
    wait = exponential(base, jitter=0)
    earlier, later = wait(attempt), wait(attempt + 1)

    assert later >= earlier if base >= 1 else later <= earlier


def test_any_base_above_zero() -> None:
    assert exponential(0.5, jitter=0)(2) == 0.25
    assert exponential(3, jitter=0)(3) == 27
    assert exponential(1, jitter=0)(10_000) == 1
    assert exponential(float("inf"), cap=60, jitter=0)(1) == 60


@pytest.mark.parametrize("base", [0, -1, float("nan")])
def test_a_base_that_makes_no_sense_is_refused(base: float) -> None:
    with pytest.raises(ValueError, match="base"):
        exponential(base)


@pytest.mark.parametrize("jitter", [-0.1, 1.1, float("nan")])
def test_a_jitter_that_makes_no_sense_is_refused(jitter: float) -> None:
    with pytest.raises(ValueError, match="jitter"):
        exponential(jitter=jitter)


@pytest.mark.parametrize("cap", [-1, float("nan"), float("inf")])
def test_a_cap_that_makes_no_sense_is_refused(cap: float) -> None:
    with pytest.raises(InvalidTask, match="cap"):
        exponential(cap=cap)
