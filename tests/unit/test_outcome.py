"""What becomes of an attempt: every rule in a line, and whatever is raised or returned, an outcome."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgq.values import raised
from pgq.values.outcome import (
    LONGEST_MESSAGE,
    LONGEST_TRACEBACK,
    BuryNow,
    CancelNow,
    Complete,
    Policy,
    RetryLater,
    SnoozeFor,
    clean,
    decide,
    describe,
)
from pgq.values.task import Claimed

NOW = datetime(2030, 1, 1, tzinfo=UTC)
TASK = Claimed(
    id=UUID(int=1),
    kind="echo",
    queue="default",
    payload="{}",
    attempt=1,
    max_attempts=4,
    lease_epoch=1,
    priority=5,
    run_at=NOW,
    timeout_seconds=300,
    lease_seconds=60,
    tags=[],
    headers="{}",
)
LAST = TASK._replace(attempt=4)
POLICY = Policy(backoff=lambda attempt: 10.0 * attempt, bury_on=(KeyError,))
BOOM = ValueError("boom")


def of(error: BaseException | None, task: Claimed = TASK, policy: Policy = POLICY) -> Any:
    return decide(error, None, task, policy)


def test_a_returned_value_is_the_result() -> None:
    assert decide(None, {"a": [1, None]}, TASK, POLICY) == Complete('{"a":[1,null]}')


def test_an_error_is_followed_by_another_attempt_after_the_handlers_backoff() -> None:
    assert of(BOOM) == RetryLater(10, describe(BOOM))
    assert of(BOOM, TASK._replace(attempt=3)) == RetryLater(30, describe(BOOM))


def test_the_last_attempts_error_buries() -> None:
    assert of(BOOM, LAST) == BuryNow(describe(BOOM))


def test_what_the_handler_says_to_bury_on_buries_at_once() -> None:
    assert isinstance(of(KeyError("card")), BuryNow)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), MemoryError(), StopIteration()])
def test_what_would_end_a_process_ends_an_attempt(error: BaseException) -> None:
    assert isinstance(of(error), RetryLater)
    assert isinstance(of(error, LAST), BuryNow)


def test_retry_waits_as_long_as_it_says() -> None:
    assert of(raised.Retry(after=7)).delay == 7
    assert of(raised.Retry(after=0)).delay == 0
    assert of(raised.Retry(after=timedelta(minutes=2))).delay == 120
    assert of(raised.Retry()).delay == 10
    assert of(raised.Retry(reason="busy")).error.message == "busy"


def test_retry_uses_up_the_attempt() -> None:
    assert isinstance(of(raised.Retry(after=7), LAST), BuryNow)


def test_snooze_uses_none() -> None:
    assert of(raised.Snooze(5), LAST) == SnoozeFor(5)


def test_cancel_and_bury_whatever_attempts_are_left() -> None:
    assert of(raised.Cancel("no longer wanted")) == CancelNow("no longer wanted")
    assert of(raised.Bury("hopeless")).error.message == "hopeless"


@pytest.mark.parametrize("outcome", [raised.Retry, raised.Cancel, raised.Bury, lambda: raised.Snooze(1)])
def test_except_exception_swallows_no_outcome(outcome: Any) -> None:
    assert not isinstance(outcome(), Exception)


UNSTORABLE = [{1, 2}, frozenset(), b"bytes", object(), float("nan"), "\0", "\ud800", 10**5_000]


@pytest.mark.parametrize("result", UNSTORABLE, ids=range(len(UNSTORABLE)))
def test_a_result_that_cannot_be_kept_buries_and_does_not_run_again(result: object) -> None:
    outcome = decide(None, result, TASK, POLICY)

    assert isinstance(outcome, BuryNow)
    assert outcome.error.type == "UnstorableResult"
    assert outcome.error.message.startswith("the result ")


def test_a_result_of_fifty_megabytes_buries() -> None:
    outcome = decide(None, "x" * 50_000_000, TASK, POLICY)

    assert isinstance(outcome, BuryNow)
    assert "bytes as JSON; at most 1,000,000 are kept" in outcome.error.message


@pytest.mark.parametrize("nonsense", [None, "soon", -1, float("nan"), float("inf"), 1e12, True])
def test_a_backoff_that_talks_nonsense_gives_way_to_the_default(nonsense: Any) -> None:
    outcome = of(BOOM, policy=Policy(backoff=lambda _: nonsense))

    assert isinstance(outcome, RetryLater)
    assert 1.6 <= outcome.delay <= 2.4
    assert outcome.error == describe(BOOM)


def test_a_backoff_that_raises_gives_way_to_the_default() -> None:
    def broken(attempt: int) -> float:
        raise ZeroDivisionError

    assert 1.6 <= of(BOOM, policy=Policy(broken)).delay <= 2.4


def test_a_backoff_may_answer_a_timedelta() -> None:
    answer: Any = timedelta(minutes=1)

    assert of(BOOM, policy=Policy(lambda _: answer)).delay == 60


def test_an_error_without_a_message_of_its_own_making_is_described_all_the_same() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise SystemExit

    assert describe(Broken()).message == "(its message cannot be shown: SystemExit)"
    reason: Any = 5
    assert describe(raised.Bury(reason)).message == "5"
    assert of(raised.Cancel(reason)) == CancelNow("5")


def test_a_message_of_five_megabytes_is_cut_and_says_so() -> None:
    message = describe(ValueError("x" * 5_000_000)).message

    assert len(message) < LONGEST_MESSAGE + 100
    assert "5,000,000 characters in all" in message


def test_a_deep_traceback_keeps_its_end() -> None:
    def dig(depth: int) -> None:
        if depth == 0:
            raise BOOM
        dig_deeper(depth - 1)

    def dig_deeper(depth: int) -> None:  # or the traceback would only say how often a line was repeated
        dig(depth)

    with pytest.raises(ValueError) as caught:
        dig(400)
    kept = describe(caught.value).traceback

    assert len(kept) < LONGEST_TRACEBACK + 100
    assert "raise BOOM" in kept.splitlines()[-1]


@given(st.text(alphabet=st.characters(codec=None)), st.integers(1, 50), st.sampled_from(["start", "end"]))
def test_what_is_kept_of_a_text_can_always_be_kept(text: str, longest: int, keep: str) -> None:
    kept = clean(text, longest, keep)

    assert "\0" not in kept
    assert json.loads(json.dumps(kept, ensure_ascii=False).encode()) == kept
    assert len(kept) <= longest + 50


@given(
    st.builds(TimeoutError) | st.builds(ValueError, st.text()) | st.builds(raised.Retry, st.floats(0, 1e6)),
    st.integers(1, 10_000),
    st.integers(1, 1_000),
)
def test_no_attempt_follows_the_last(error: BaseException, attempt: int, most: int) -> None:
    outcome = of(error, TASK._replace(attempt=attempt, max_attempts=most))

    assert isinstance(outcome, RetryLater if attempt < most else BuryNow)
